"""A table of effects, written in the transaction that ends a job, and what its rows say of order and overlap.

`began` is read after the claim, `ended` before the commit, both from this process's monotonic clock: a job is held for
longer than that, so two that overlap by this measure did overlap.
"""

from app.postgres.database import Statement

CREATE = Statement(
    "CREATE effect",
    """
    CREATE TABLE effect (
        id bigserial PRIMARY KEY, job_id bigint UNIQUE, connection text, order_key text,
        began float8, ended float8
    )
    """,
)
TAKE_EFFECT = Statement(
    "INSERT effect",
    "INSERT INTO effect (job_id, connection, order_key, began, ended) VALUES ($1, $2, $3, $4, $5)",
)
EFFECTS = Statement(
    "SELECT effect",
    """
    SELECT job_id, connection, order_key,
           began < lag(ended) OVER (PARTITION BY connection, order_key ORDER BY id) AS overlaps
      FROM effect
     WHERE order_key IS NOT NULL
     ORDER BY connection, order_key, id
    """,
)
