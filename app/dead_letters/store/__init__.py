"""Dead letters and bulk redrives in PostgreSQL."""
