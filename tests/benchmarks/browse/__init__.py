"""How fast the browser is at P1's scale; `python -m tests.benchmarks.browse --help`."""
