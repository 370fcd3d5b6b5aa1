"""Everything that runs or does I/O: one folder per capability."""
