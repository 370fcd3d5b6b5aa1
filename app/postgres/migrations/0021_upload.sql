-- An export that was uploaded, and how far it is recorded. One that breaks off goes on where it has come to when it is
-- sent again under its key.
CREATE TABLE upload (
    id              text        PRIMARY KEY CHECK (id LIKE 'upl\_%'),
    principal       text        NOT NULL,
    idempotency_key text        NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    connection      text        NOT NULL,
    object          text        NOT NULL CHECK (object IN ('customer', 'order', 'ticket')),

    -- SHA-256 of the file.
    digest          bytea       NOT NULL CHECK (octet_length(digest) = 32),
    rows            integer     NOT NULL CHECK (rows >= 0),
    seen            integer     NOT NULL DEFAULT 0 CHECK (seen BETWEEN 0 AND rows),
    accepted        integer     NOT NULL DEFAULT 0 CHECK (accepted BETWEEN 0 AND seen),
    correlation_id  text        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,

    UNIQUE (principal, idempotency_key),
    CHECK (ended_at IS NULL OR seen = rows)
) WITH (fillfactor = 70);

CREATE INDEX upload_run     ON upload (correlation_id);
CREATE INDEX upload_created ON upload (created_at);

-- What the rows of an export last said of each record, as digests: a row that says the same again is none.
CREATE TABLE upload_row (
    connection text   NOT NULL,
    identity_digest bytea NOT NULL CHECK (octet_length(identity_digest) = 32),
    digest     bytea  NOT NULL CHECK (octet_length(digest) = 32),

    -- Raised whenever the record says something else; and the last one that was told, for a dead letter of an older row
    -- may be redriven after a newer row has been told.
    generation bigint NOT NULL DEFAULT 1 CHECK (generation > 0),
    told       bigint NOT NULL DEFAULT 0 CHECK (told BETWEEN 0 AND generation),
    PRIMARY KEY (connection, identity_digest)
) WITH (fillfactor = 80);
