"""`lockstitch dev`: run everything on one machine, with one command and one data folder."""
