"""Every call of the API as data, a module for each group of calls."""
