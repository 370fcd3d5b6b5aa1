"""Copy records between connections: on request, and to the consumers of their changes."""
