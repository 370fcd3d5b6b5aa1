"""A table of effects, written in the transaction that ends a job, and what its rows say of order and overlap."""

from app.store.database import Query

CREATE = Query(
    "CREATE effect",
    """
    CREATE TABLE effect (
        id bigserial PRIMARY KEY, job_id bigint UNIQUE, connection text, order_key text,
        began timestamptz, ended timestamptz DEFAULT clock_timestamp()
    )
    """,
)
TAKE_EFFECT = Query(
    "INSERT effect", "INSERT INTO effect (job_id, connection, order_key, began) VALUES ($1, $2, $3, $4)"
)
EFFECTS = Query(
    "SELECT effect",
    """
    SELECT job_id, connection, order_key,
           began < lag(ended) OVER (PARTITION BY connection, order_key ORDER BY id) AS overlaps
      FROM effect
     WHERE order_key IS NOT NULL
     ORDER BY connection, order_key, id
    """,
)
