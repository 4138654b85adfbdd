"""Towers, fusions and their training; models are reached through `protocol` alone."""
