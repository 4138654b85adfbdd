"""The Single Sample tab."""
