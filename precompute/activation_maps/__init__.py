"""Activation maps: where in a picture the features come from that a forecast rests on (P2)."""
