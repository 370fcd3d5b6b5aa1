"""The formats of single columns in the tables that every write touches.

PostgreSQL would parse a CHECK anew for each statement, so the schema has none for them. The tests' databases have, so
whatever a test lets Lockstitch store is checked.
"""

from typing import Final

OBJECTS: Final = "object IN ('customer', 'order', 'ticket')"
SHA_256: Final = "octet_length({}) = 32"
TYPE: Final = r"type ~ '^[a-z_]+\.[a-z_]+$'"
NOT_EMPTY: Final = "remote_id <> ''"

FORMATS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "operation": (
        (r"id LIKE 'op\_%'", "'evt_1' AS id"),
        ("length(idempotency_key) BETWEEN 1 AND 255", "'' AS idempotency_key"),
        (SHA_256.format("fingerprint"), "'x'::bytea AS fingerprint"),
        ("object IN ('customer', 'order', 'ticket', 'comment')", "'person' AS object"),
        ("phase IN ('received', 'sent', 'settled', 'unknown')", "'done' AS phase"),
        ("outcome IN ('succeeded', 'failed')", "'lost' AS outcome"),
        ("attempts >= 0", "-1 AS attempts"),
        ("redrives >= 0", "-1 AS redrives"),
        ("approval IN ('waiting', 'approved', 'rejected', 'expired')", "'asked' AS approval"),
        (SHA_256.format("upsert_digest"), "'x'::bytea AS upsert_digest"),
    ),
    "link": (
        (OBJECTS, "'comment' AS object"),
        (NOT_EMPTY, "'' AS remote_id"),
        ("array_length(other_total, 1) = 2", "ARRAY['1.00'] AS other_total"),
        (
            "source IN ('read', 'write', 'marker', 'copy', 'person', 'match', 'vendor_merge')",
            "'guess' AS source",
        ),
    ),
    "match_key": (
        (NOT_EMPTY, "'' AS remote_id"),
        (SHA_256.format("digest"), "'x'::bytea AS digest"),
        ("octet_length(name) % 8 = 0", "'x'::bytea AS name"),
    ),
    "record_state": (
        (OBJECTS, "'comment' AS object"),
        (NOT_EMPTY, "'' AS remote_id"),
        (SHA_256.format("digest"), "'x'::bytea AS digest"),
        (SHA_256.format("source"), "'x'::bytea AS source"),
    ),
    "event": (
        ("id ~ '^evt_[0-9a-f]{36}$'", "'evt_1' AS id"),
        (TYPE, "'created' AS type"),
        ("cardinality(scopes) > 0", "'{}'::text[] AS scopes"),
    ),
    "audit_event": ((TYPE, "'created' AS type"), (SHA_256.format("digest"), "'x'::bytea AS digest")),
}
"""By table: a condition, and a value that breaks it."""

ADD_FORMATS: Final = ";".join(
    f"ALTER TABLE {table} ADD CONSTRAINT {table}_format_{number} CHECK ({condition})"
    for table, formats in FORMATS.items()
    for number, (condition, _) in enumerate(formats)
)
