"""Pure formulas that the offline job and the browser both need."""
