"""Measures of how far explanations can be trusted."""
