-- Which of these files this database has seen, and the SHA-256 of what they said then.
CREATE TABLE schema_migration (
    version    integer     PRIMARY KEY CHECK (version > 0),
    name       text        NOT NULL,
    digest     bytea       NOT NULL CHECK (octet_length(digest) = 32),
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- The callers' keys. A key is 256 random bits, so its plain SHA-256 cannot be turned back and needs no salt.
CREATE TABLE api_key (
    id         text        PRIMARY KEY CHECK (id LIKE 'key\_%'),

    -- Who calls: the id of the first key in a line of rotations. Idempotency keys are scoped by it, so that a caller
    -- who changes keys in the middle of a retry is still recognised.
    principal  text        NOT NULL CHECK (principal LIKE 'key\_%'),

    name       text        NOT NULL CHECK (name <> ''),
    digest     bytea       NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    scopes     text[]      NOT NULL CHECK (cardinality(scopes) > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz CHECK (expires_at > created_at),

    -- Replaced by a newer key of the same principal; still valid until expires_at.
    rotated_at timestamptz CHECK (rotated_at IS NULL OR expires_at IS NOT NULL),
    revoked_at timestamptz
);

-- A name means one key: the newest of its line. It is free again when that key is revoked.
CREATE UNIQUE INDEX api_key_name ON api_key (name) WHERE rotated_at IS NULL AND revoked_at IS NULL;

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

-- Which canonical id stands for which record of which connection. An id is given once and stays for ever.
CREATE TABLE link (
    object       text        NOT NULL CHECK (object IN ('customer', 'order', 'ticket')),
    connection   text        NOT NULL,
    remote_id    text        NOT NULL CHECK (remote_id <> ''),
    canonical_id text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (object, connection, remote_id)
);

CREATE INDEX link_canonical ON link (canonical_id);

-- What happened, by whom, in the same transaction as the change itself. Rows are only ever added.
CREATE TABLE audit_event (
    id             bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at             timestamptz NOT NULL DEFAULT now(),
    type           text        NOT NULL CHECK (type ~ '^[a-z_]+\.[a-z_]+$'),
    subject        text        NOT NULL,
    actor          text        NOT NULL,
    correlation_id text,

    -- Facts without personal data, and their SHA-256.
    facts          text        NOT NULL,
    digest         bytea       NOT NULL CHECK (octet_length(digest) = 32)
);

CREATE INDEX audit_event_subject ON audit_event (subject);

-- When each worker was last alive, by the database's clock. Reported by /health/ready, required by nobody.
CREATE TABLE worker_heartbeat (
    worker  text        PRIMARY KEY,
    seen_at timestamptz NOT NULL DEFAULT now()
);
