"""Pull: read what has changed since the last run, and say how old the data are."""
