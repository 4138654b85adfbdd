"""Frozen dataclasses: what is read from a database and what is handed over for storing."""
