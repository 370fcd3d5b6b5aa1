"""One client for all vendors. What differs between vendors is data from `mappings`."""
