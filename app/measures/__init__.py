"""Figures computed from stored numbers: trust, agreement, classification."""
