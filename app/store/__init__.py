"""PostgreSQL: one file per table, the SQL beside the function that runs it."""
