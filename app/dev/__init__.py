"""`lockstitch dev`: everything on one machine, from one command, out of one folder."""
