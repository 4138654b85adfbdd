"""Reading: names in, frozen records out."""
