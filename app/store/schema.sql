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

-- The work for one connection: how fast it may go, and whether it may go at all. '-' is work for no connection.
-- A worker locks one row, refills its bucket by this database's clock, and takes as many jobs as there are tokens.
CREATE TABLE lane (
    connection     text             PRIMARY KEY CHECK (connection <> ''),

    -- Attempts a second, NULL for no limit; `burst` is what an idle lane saves up.
    rate           double precision CHECK (rate > 0),
    burst          double precision NOT NULL DEFAULT 1 CHECK (burst >= 1),
    tokens         double precision NOT NULL DEFAULT 1 CHECK (tokens BETWEEN 0 AND burst),
    refilled_at    timestamptz      NOT NULL DEFAULT now(),

    -- Blocked until a vendor's Retry-After, or until a person resumes it ('infinity'). When the time has come the lane
    -- is half open: one job probes, and its success unblocks the lane.
    blocked_reason text             CHECK (blocked_reason IN ('throttle', 'auth', 'operator')),
    blocked_until  timestamptz,
    blocked_note   text,
    throttles      integer          NOT NULL DEFAULT 0 CHECK (throttles >= 0),
    probe_token    uuid,

    CHECK ((blocked_reason IS NULL) = (blocked_until IS NULL)),
    CHECK (blocked_reason IS NOT NULL OR (probe_token IS NULL AND blocked_note IS NULL AND throttles = 0))
) WITH (fillfactor = 50);

-- Work that waits or runs. A job that is done is gone; one that has failed for good is a dead letter.
CREATE TABLE job (
    id             bigint      PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
    kind           text        NOT NULL CHECK (kind <> ''),
    connection     text        NOT NULL CHECK (connection <> ''),

    -- Jobs of one key run one after the other, by id. Who enqueues holds a lock on the key until he commits, so that
    -- ids follow commits.
    order_key      text,

    -- The same work is waiting or running already: it is not enqueued twice.
    dedupe_key     text,

    -- behind: an older job of the key has to end first. ready: from run_at on anybody may take it. running: somebody
    -- has. So whatever stands in the way of a job is known before a claim, which therefore never searches.
    state          text        NOT NULL CHECK (state IN ('behind', 'ready', 'running')),
    run_at         timestamptz NOT NULL DEFAULT now(),

    -- Counted when a job is claimed, so that one that kills its worker is counted too. Attempts that say nothing about
    -- the job (throttled, unauthorised, given back at shutdown) are spared it. Used up: it is running, or a dead letter.
    attempts       integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    spared         integer     NOT NULL DEFAULT 0 CHECK (spared BETWEEN 0 AND attempts),
    max_attempts   integer     NOT NULL CHECK (max_attempts > 0),
    give_up_at     timestamptz,

    -- Whether its death lets those behind it go on.
    dead_head      text        NOT NULL CHECK (dead_head IN ('block', 'skip')),

    -- Whoever holds the token may finish, until somebody else has been given one.
    lease_token    uuid,
    lease_until    timestamptz,
    started_at     timestamptz,

    -- Sealed (AES-256-GCM) for `job <id>`.
    payload        bytea       NOT NULL,

    correlation_id text        NOT NULL,
    traceparent    text,
    origin         text,
    created_at     timestamptz NOT NULL DEFAULT now(),

    CHECK (order_key IS NOT NULL OR state <> 'behind'),
    CHECK ((state = 'running') = (lease_token IS NOT NULL)),
    CHECK ((lease_token IS NULL) = (lease_until IS NULL) AND (lease_token IS NULL) = (started_at IS NULL)),
    CHECK (state = 'running' OR attempts - spared < max_attempts)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
        autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

-- What a claim reads, and who comes next in a key. At most one job of a key is not behind: they cannot overlap.
CREATE INDEX        job_ready  ON job (connection, run_at, id)    WHERE state = 'ready';
CREATE INDEX        job_order  ON job (connection, order_key, id) WHERE order_key IS NOT NULL;
CREATE UNIQUE INDEX job_head   ON job (connection, order_key)     WHERE order_key IS NOT NULL AND state <> 'behind';
CREATE UNIQUE INDEX job_dedupe ON job (kind, connection, dedupe_key) WHERE dedupe_key IS NOT NULL;
CREATE INDEX        job_lease  ON job (lease_until)               WHERE state = 'running';

-- Every attempt that has ended, also of jobs that are done. `job_id` outlives the job.
CREATE TABLE attempt (
    job_id         bigint      NOT NULL,
    number         integer     NOT NULL CHECK (number > 0),
    kind           text        NOT NULL,
    connection     text        NOT NULL,
    correlation_id text        NOT NULL,

    -- lost: its lease ran out, or its worker was killed. spared: put off for a reason that is not the job's.
    outcome        text        NOT NULL CHECK (outcome IN ('done', 'retried', 'spared', 'lost', 'dead')),
    category       text        CHECK (category IN ('transient', 'throttle', 'permanent', 'auth', 'conflict', 'poison')),
    reason         text,
    traceparent    text,
    started_at     timestamptz NOT NULL,
    ended_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (job_id, number)
);

CREATE INDEX attempt_run   ON attempt (correlation_id);
CREATE INDEX attempt_ended ON attempt (ended_at);

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
