"""The Compare tab: of a sample, of a class, of confusions."""
