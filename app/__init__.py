"""Everything that runs or does I/O: the HTTP edge, the flows, the store and the vendor client."""
