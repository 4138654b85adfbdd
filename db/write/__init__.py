"""Writing: units of work in one transaction each, by one writer at a time."""
