"""PostgreSQL: connections and transactions, encryption at rest, LISTEN, migrations, the embedded server."""
