"""One client for all vendors. What differs between them is data from `mappings`."""
