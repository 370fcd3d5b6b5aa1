-- A job that has failed for good, with all that is needed to run it again in its old place.
CREATE TABLE dead_letter (
    id             text        PRIMARY KEY CHECK (id LIKE 'dl\_%'),

    -- What the job was. `job_id` names its attempts and keeps its place in the order of its key.
    job_id         bigint      NOT NULL,
    kind           text        NOT NULL,
    connection     text        NOT NULL,
    order_key      text,
    dedupe_key     text,
    attempts       integer     NOT NULL,
    dead_head      text        NOT NULL CHECK (dead_head IN ('block', 'skip')),
    payload        bytea       NOT NULL,
    correlation_id text        NOT NULL,
    traceparent    text,
    origin         text,
    enqueued_at    timestamptz NOT NULL,

    -- Why it died, in words without personal data, and where in the payload; by which mapping.
    category       text        NOT NULL
                   CHECK (category IN ('transient', 'throttle', 'permanent', 'auth', 'conflict', 'poison')),
    reason         text        NOT NULL,
    path           text,
    mapping        text,
    revision       integer,

    state          text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'redriven', 'discarded')),
    created_at     timestamptz NOT NULL DEFAULT now(),
    closed_at      timestamptz,
    closed_by      text,
    closed_because text,

    CHECK ((mapping IS NULL) = (revision IS NULL)),
    CHECK ((state = 'open') = (closed_at IS NULL) AND (closed_at IS NULL) = (closed_by IS NULL)),
    CHECK (state <> 'discarded' OR closed_because IS NOT NULL)
);

CREATE INDEX dead_letter_open ON dead_letter (connection, kind, id) WHERE state = 'open';
CREATE INDEX dead_letter_run  ON dead_letter (correlation_id);
CREATE INDEX dead_letter_job  ON dead_letter (job_id);

-- The keys that wait for a person.
CREATE UNIQUE INDEX dead_letter_block ON dead_letter (connection, order_key)
 WHERE state = 'open' AND dead_head = 'block' AND order_key IS NOT NULL;
