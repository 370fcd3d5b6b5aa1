-- A verified receipt: one thing that happened, as a vendor told it. The unique key is what makes a hundred copies one.
CREATE TABLE inbound_event (
    id             text        PRIMARY KEY CHECK (id LIKE 'in\_%'),
    connection     text        NOT NULL,
    dedupe_key     text        NOT NULL CHECK (length(dedupe_key) BETWEEN 1 AND 255),

    -- The vendor's words for what happened and to which record; a time that it did not sign is a hint.
    topic          text,
    remote_object  text,
    remote_id      text,
    occurred_at    timestamptz,

    -- What was received, sealed (AES-256-GCM) for `inbound_event <id>`, and its SHA-256: a copy with other bytes is
    -- noted, and not worked on twice.
    payload        bytea       NOT NULL,
    digest         bytea       NOT NULL CHECK (octet_length(digest) = 32),

    correlation_id text        NOT NULL,
    received_at    timestamptz NOT NULL DEFAULT now(),

    -- It has become an Event. Until then it outlives any retention.
    settled_at     timestamptz,

    UNIQUE (connection, dedupe_key)
);

CREATE INDEX inbound_event_run     ON inbound_event (correlation_id);
CREATE INDEX inbound_event_settled ON inbound_event (settled_at) WHERE settled_at IS NOT NULL;
