"""One module a tab: stored numbers in, a fragment of the page out."""
