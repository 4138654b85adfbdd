"""The Activation map part of Single Sample (P2)."""
