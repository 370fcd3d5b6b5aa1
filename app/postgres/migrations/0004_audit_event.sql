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
