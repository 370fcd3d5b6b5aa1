-- Whether the baseline of what a connection sends of a kind of record is learned yet, for each revision that reads it.
-- The body of a webhook has a baseline of its own.
CREATE TABLE drift_baseline (
    connection text        NOT NULL,
    mapping    text        NOT NULL,
    revision   integer     NOT NULL,
    source     text        NOT NULL CHECK (source IN ('record', 'webhook')),
    records    bigint      NOT NULL DEFAULT 0,
    began_at   timestamptz NOT NULL DEFAULT now(),
    learned_at timestamptz,
    PRIMARY KEY (connection, mapping, revision, source)
);

-- What belongs to a baseline: that there is something at a path (an empty trait), its type, a choice. No values but
-- vendors' words.
CREATE TABLE drift_known (
    connection text    NOT NULL,
    mapping    text    NOT NULL,
    revision   integer NOT NULL,
    source     text    NOT NULL,
    path       text    NOT NULL,
    trait      text    NOT NULL,
    PRIMARY KEY (connection, mapping, revision, source, path, trait),
    FOREIGN KEY (connection, mapping, revision, source) REFERENCES drift_baseline ON DELETE CASCADE
);

-- What a vendor changed. One row for one change, however often it is seen; `example` is masked.
CREATE TABLE drift_finding (
    id              text        PRIMARY KEY,
    connection      text        NOT NULL,
    object          text        NOT NULL CHECK (object IN ('customer', 'order', 'ticket', 'comment')),
    mapping         text        NOT NULL,
    revision        integer     NOT NULL,
    source          text        NOT NULL CHECK (source IN ('record', 'webhook')),
    path            text        NOT NULL,
    kind            text        NOT NULL
                                CHECK (kind IN ('unknown_field', 'changed_type', 'new_enum_value', 'missing_field')),
    expected        text        NOT NULL,
    found           text        NOT NULL,
    example         text,
    policy          text        NOT NULL CHECK (policy IN ('evolve', 'freeze', 'reject')),
    count           bigint      NOT NULL CHECK (count > 0),
    first_seen      timestamptz NOT NULL DEFAULT now(),
    last_seen       timestamptz NOT NULL DEFAULT now(),
    acknowledged_at timestamptz,
    acknowledged_by text,

    UNIQUE (connection, mapping, revision, source, path, kind, found),
    CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL))
);

CREATE INDEX drift_finding_frozen ON drift_finding (connection) WHERE policy = 'freeze' AND acknowledged_at IS NULL;
