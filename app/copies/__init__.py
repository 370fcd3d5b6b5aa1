"""Copy records between connections, on request and to consumers: choose and read the source. `app.writes` writes it."""
