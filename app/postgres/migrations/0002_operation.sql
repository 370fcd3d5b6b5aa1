-- One canonical write and how far it has come. What was promised to a caller stands or falls with this table:
-- the intent is committed before the vendor is called, the outcome before the caller is answered.
CREATE TABLE operation (
    id              text        PRIMARY KEY CHECK (id LIKE 'op\_%'),

    -- The scope of idempotency is (principal, key). A key is let go (NULL) when nothing was sent, or when the record
    -- has outlived its retention.
    principal       text        NOT NULL,
    idempotency_key text        CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    fingerprint     bytea       NOT NULL CHECK (octet_length(fingerprint) = 32),

    object          text        NOT NULL CHECK (object IN ('customer', 'order', 'ticket', 'comment')),
    action          text        NOT NULL,
    connection      text        NOT NULL,
    correlation_id  text        NOT NULL,
    traceparent     text,

    -- What the caller meant, and later what he was or will be answered: sealed (AES-256-GCM).
    intent          bytea       NOT NULL,
    answer          bytea,
    problem         bytea,

    -- received: nothing has gone out. sent: it may have happened. settled: decided. unknown: a person has to look.
    phase           text        NOT NULL CHECK (phase IN ('received', 'sent', 'settled', 'unknown')),
    outcome         text        CHECK (outcome IN ('succeeded', 'failed')),
    effect          text,
    remote_id       text,
    attempts        integer     NOT NULL DEFAULT 1 CHECK (attempts > 0),

    -- Whoever holds the token may go on, until due_at; without a token a worker goes on from due_at.
    lease_token     text,
    due_at          timestamptz,

    -- The unique key that an upsert works on, as a digest: one undecided upsert a key at a time.
    upsert_digest   bytea       CHECK (octet_length(upsert_digest) = 32),

    sent_at         timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),

    CHECK ((phase = 'settled') = (outcome IS NOT NULL)),
    CHECK ((phase IN ('received', 'sent')) = (due_at IS NOT NULL)),
    CHECK (phase <> 'sent' OR sent_at IS NOT NULL),
    CHECK (outcome IS DISTINCT FROM 'succeeded' OR answer IS NOT NULL)
) WITH (fillfactor = 70);

CREATE UNIQUE INDEX operation_key ON operation (principal, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE UNIQUE INDEX operation_upsert ON operation (connection, object, upsert_digest)
 WHERE upsert_digest IS NOT NULL AND phase IN ('received', 'sent');

-- What the worker looks for, and the reaper.
CREATE INDEX operation_due     ON operation (due_at)     WHERE phase IN ('received', 'sent');
CREATE INDEX operation_unknown ON operation (id)         WHERE phase = 'unknown';
CREATE INDEX operation_settled ON operation (updated_at) WHERE phase = 'settled';
