"""The console: pages for operators, at `/console`."""
