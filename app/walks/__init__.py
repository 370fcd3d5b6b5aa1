"""Walks: read all records of an object at a connection, or those that have changed, page by page."""
