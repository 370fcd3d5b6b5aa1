"""Records: resolve an id, fetch, map, read, list; links and options."""
