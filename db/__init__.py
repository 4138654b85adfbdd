"""What is stored and how it is read and written: the contract between the offline job and the browser."""

__version__ = "0.1.0"
"""The version of Shelf Lens, of all its packages: packaging, `shelf-lens --version` and every run read it from here."""
