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
