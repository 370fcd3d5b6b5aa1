"""Persons: export what is stored about one, and erase it for good."""
