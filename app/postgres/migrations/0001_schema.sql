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

-- What a principal may do now is what its valid keys may: asked at every delivery.
CREATE INDEX api_key_principal ON api_key (principal);

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
    attempts        integer     NOT NULL DEFAULT 1 CHECK (attempts >= 0),

    -- Whoever holds the token may go on, until due_at; without a token a worker goes on from due_at.
    lease_token     text,
    due_at          timestamptz,

    -- queued: it waits for its turn in the queue, and nobody but its job may begin it. deferred: somebody was told that
    -- it would be decided later, so its end is announced, and a refusal becomes a dead letter. redrives: how often it
    -- was carried out again after a refusal. callback: where else its end is told, sealed for `operation.callback <id>`.
    queued          boolean     NOT NULL DEFAULT false,
    deferred        boolean     NOT NULL DEFAULT false,
    redrives        integer     NOT NULL DEFAULT 0 CHECK (redrives >= 0),
    callback        bytea,

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
CREATE INDEX operation_due     ON operation (due_at)     WHERE phase IN ('received', 'sent') AND NOT queued;
CREATE INDEX operation_unknown ON operation (id)         WHERE phase = 'unknown';
CREATE INDEX operation_settled ON operation (updated_at) WHERE phase = 'settled';
CREATE INDEX operation_run     ON operation (correlation_id);

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
    digest         bytea       NOT NULL CHECK (octet_length(digest) = 32),

    -- The transaction that wrote it: the order in which the chain is sealed.
    xid            xid8        NOT NULL DEFAULT pg_current_xact_id()
);

CREATE INDEX audit_event_subject ON audit_event (subject);
CREATE INDEX audit_event_order ON audit_event (xid, id);
CREATE INDEX audit_event_type  ON audit_event (type, id);
CREATE INDEX audit_event_run   ON audit_event (correlation_id);
CREATE INDEX audit_event_at    ON audit_event USING brin (at);

-- The chain over the audit trail. A sealer appends to it in the order of transactions, below the oldest that is still
-- open; so no writer waits for a chain, and a row that is changed, taken out or put in later shows.
CREATE TABLE audit_seal (
    position    bigint PRIMARY KEY CHECK (position > 0),
    audit_event bigint NOT NULL UNIQUE,

    -- SHA-256 over the whole event as it was when it was sealed, and over the chain so far and that.
    digest      bytea  NOT NULL CHECK (octet_length(digest) = 32),
    chain       bytea  NOT NULL CHECK (octet_length(chain) = 32)
);

-- How far the sealer has come: the last event, by transaction and id, up to which all are sealed. It holds for one life
-- of the transaction counter; a database restored into another cluster starts with another counter, and is gone through
-- once for what has no seal yet.
CREATE TABLE audit_sealer (
    cluster    bigint NOT NULL,
    sealed_xid xid8   NOT NULL,
    sealed_id  bigint NOT NULL
);

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
    blocked_at     timestamptz,
    throttles      integer          NOT NULL DEFAULT 0 CHECK (throttles >= 0),
    probe_token    uuid,

    -- When a person last resumed it. Each process forgets then what it alone knows of: throttling, failures.
    resumed_at     timestamptz,

    -- Jobs of a lane that one process may have at work, where that is fewer than usual: a target that takes its time
    -- takes only so many places.
    at_once        integer          CHECK (at_once > 0),

    CHECK ((blocked_reason IS NULL) = (blocked_until IS NULL)),
    CHECK (blocked_reason IS NOT NULL OR (probe_token IS NULL AND blocked_note IS NULL AND throttles = 0)),
    CHECK ((blocked_reason IS NULL) = (blocked_at IS NULL))
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
    -- the job (throttled, unauthorised, given back at shutdown) do not count. Used up: it is running, or a dead letter.
    attempts       integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    deferred       integer     NOT NULL DEFAULT 0 CHECK (deferred BETWEEN 0 AND attempts),
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
    CHECK (state = 'running' OR attempts - deferred < max_attempts)
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

    -- lost: its lease ran out, or its worker was killed. deferred: put off for a reason that is not the job's.
    outcome        text        NOT NULL CHECK (outcome IN ('done', 'retried', 'deferred', 'lost', 'dead')),
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
CREATE INDEX dead_letter_closed ON dead_letter (closed_at) WHERE state <> 'open';

-- The keys that wait for a person.
CREATE UNIQUE INDEX dead_letter_block ON dead_letter (connection, order_key)
 WHERE state = 'open' AND dead_head = 'block' AND order_key IS NOT NULL;

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

-- What we last saw of a record, so that an Event can say what has changed. Sealed for `record_state <object> <connection>
-- <remote id>`.
CREATE TABLE record_state (
    object     text        NOT NULL CHECK (object IN ('customer', 'order', 'ticket')),
    connection text        NOT NULL,
    remote_id  text        NOT NULL CHECK (remote_id <> ''),
    data       bytea       NOT NULL,
    deleted    boolean     NOT NULL DEFAULT false,

    -- Raised with every change: who compared with one version may not put the next in the place of another.
    version    bigint      NOT NULL DEFAULT 1 CHECK (version > 0),
    seen_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (object, connection, remote_id)
);

-- Which life of the transaction counter ids of events are from. A database restored into another cluster starts with a
-- lower counter; with the next era its new events sort behind the old ones all the same.
CREATE TABLE event_era (
    era smallint NOT NULL CHECK (era >= 0)
);

INSERT INTO event_era VALUES (0);

CREATE SEQUENCE event_place;

-- A canonical change, for the feed and for subscribers. The id is era, transaction and place in hexadecimal (4, 16 and 16
-- digits): it sorts as the feed reads. The feed shows what lies below the oldest transaction that is still open, so that
-- nothing can appear behind a reader's back.
CREATE TABLE event (
    id             text COLLATE "C" PRIMARY KEY CHECK (id ~ '^evt_[0-9a-f]{36}$'),
    type           text        NOT NULL CHECK (type ~ '^[a-z_]+\.[a-z_]+$'),
    connection     text,

    -- Which record it is about, in the form of an order key: `customer:1051`.
    record         text,

    -- The scopes that a key needs to read it, all of them.
    scopes         text[]      NOT NULL CHECK (cardinality(scopes) > 0),

    -- The body that subscribers get, sealed for `event <id>`.
    body           bytea       NOT NULL,

    correlation_id text        NOT NULL,
    traceparent    text,
    origin         text,
    created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX event_type    ON event (type, id);
CREATE INDEX event_run     ON event (correlation_id);
CREATE INDEX event_created ON event (created_at);

-- Who wants to be told what, and where. A target's URL is often its only secret, so it is sealed like one, for
-- `subscription <id>`.
CREATE TABLE subscription (
    id              text        PRIMARY KEY CHECK (id LIKE 'sub\_%'),
    principal       text        NOT NULL,
    target_url      bytea       NOT NULL,
    events          text[]      NOT NULL CHECK (cardinality(events) > 0),
    connection      text,

    -- disabled: its deliveries wait, with its lane, until a person enables it.
    state           text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
    disabled_reason text,
    disabled_at     timestamptz,

    -- The first failed attempt since one has succeeded, by this database's clock.
    failing_since   timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),

    CHECK ((state = 'active') = (disabled_at IS NULL) AND (disabled_at IS NULL) = (disabled_reason IS NULL))
);

-- Who wants an event: those that name one of its patterns.
CREATE INDEX subscription_events ON subscription USING gin (events);

-- The secrets that a subscription's deliveries are signed with; a rotated one goes on for a while. Sealed for
-- `subscription_secret <subscription>`.
CREATE TABLE subscription_secret (
    subscription text        NOT NULL REFERENCES subscription ON DELETE CASCADE,
    secret       bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    not_after    timestamptz,
    PRIMARY KEY (subscription, created_at)
);

-- One event on its way to one target: a subscription's, or the callback of an operation. dead: given up, and a dead
-- letter. dropped: nobody waits for it any more.
CREATE TABLE delivery (
    id             text        PRIMARY KEY CHECK (id LIKE 'dlv\_%'),
    event          text        NOT NULL,
    subscription   text,

    -- Of a callback: who asked for it, and where it goes, sealed for `delivery <id>`.
    principal      text,
    target_url     bytea,

    state          text        NOT NULL DEFAULT 'pending'
                   CHECK (state IN ('pending', 'delivered', 'dead', 'dropped')),
    attempts       integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    last_status    integer,
    last_error     text,
    correlation_id text        NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    ended_at       timestamptz,

    CHECK ((subscription IS NULL) = (target_url IS NOT NULL) AND (target_url IS NULL) = (principal IS NULL)),
    CHECK ((state = 'pending') = (ended_at IS NULL))
) WITH (fillfactor = 80);

CREATE INDEX delivery_subscription ON delivery (subscription, created_at);
CREATE INDEX delivery_event        ON delivery (event);
CREATE INDEX delivery_run          ON delivery (correlation_id);
CREATE INDEX delivery_ended        ON delivery (ended_at) WHERE ended_at IS NOT NULL;

-- A bulk redrive of dead letters: which were asked for, how fast, and how far it has come. A worker carries it on batch
-- by batch, each batch one transaction that holds this row.
CREATE TABLE redrive (
    id              text             PRIMARY KEY CHECK (id LIKE 'rdv\_%'),
    filter          text             NOT NULL,
    rate_per_second double precision CHECK (rate_per_second > 0),
    state           text             NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'cancelled')),

    -- How many matched when it began, and what has become of those that had their turn.
    total           integer          NOT NULL CHECK (total >= 0),
    redriven        integer          NOT NULL DEFAULT 0 CHECK (redriven >= 0),
    skipped         integer          NOT NULL DEFAULT 0 CHECK (skipped >= 0),

    -- How many its rate allowed and were not redriven, as of then.
    allowance       double precision NOT NULL DEFAULT 0 CHECK (allowance >= 0),
    allowed_at      timestamptz      NOT NULL DEFAULT now(),

    actor           text             NOT NULL,
    correlation_id  text             NOT NULL,
    due_at          timestamptz      DEFAULT now(),
    created_at      timestamptz      NOT NULL DEFAULT now(),
    updated_at      timestamptz      NOT NULL DEFAULT now(),
    ended_at        timestamptz,

    CHECK (redriven + skipped <= total),
    CHECK (state <> 'done' OR redriven + skipped = total),
    CHECK ((state = 'running') = (ended_at IS NULL)),
    CHECK ((state = 'running') = (due_at IS NOT NULL))
) WITH (fillfactor = 50);

CREATE INDEX redrive_due ON redrive (due_at) WHERE state = 'running';
CREATE INDEX redrive_run ON redrive (correlation_id);
CREATE INDEX redrive_ended ON redrive (ended_at) WHERE ended_at IS NOT NULL;

-- The dead letters that a redrive still has before it: those that matched when it began, in the order of their jobs. One
-- that dies again is another letter, and not among them.
CREATE TABLE redrive_letter (
    redrive     text   NOT NULL REFERENCES redrive ON DELETE CASCADE,
    job_id      bigint NOT NULL,
    dead_letter text   NOT NULL,
    PRIMARY KEY (redrive, job_id)
);

-- What a run did that no other table tells: requests that were answered, calls to vendors with the vendors' request ids.
-- Facts without personal data. Written in batches beside the work, so a process killed with -9 may lose its last ones.
CREATE TABLE run_entry (
    id             bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    correlation_id text        NOT NULL,
    kind           text        NOT NULL CHECK (kind IN ('request', 'vendor_call')),
    at             timestamptz NOT NULL,
    facts          text        NOT NULL
);

CREATE INDEX run_entry_run ON run_entry (correlation_id);
CREATE INDEX run_entry_at  ON run_entry (at);

-- Which alarms are raised, so that of several workers one tells of it, and again while it lasts.
CREATE TABLE alert (
    name          text        PRIMARY KEY CHECK (name <> ''),
    summary       text        NOT NULL,
    raised_at     timestamptz NOT NULL DEFAULT now(),

    -- When a person was last told; NULL: not yet.
    told_at       timestamptz,

    -- It is over, and that is still to be told.
    ended_at      timestamptz,

    -- Whose business it is to tell it, until then.
    claim_token   text,
    claimed_until timestamptz,

    CHECK ((claim_token IS NULL) = (claimed_until IS NULL))
);

-- Which revision of a mapping, such as hubspot.customer, is at work at a connection, where somebody has decided so:
-- without a row, or with an active of NULL, the newest released one. A shadow is compared with the active one, a canary
-- answers for a share of the records. `note` is why a canary came back by itself.
CREATE TABLE mapping_route (
    connection      text             NOT NULL CHECK (connection <> ''),
    mapping         text             NOT NULL CHECK (mapping <> ''),
    active          integer          CHECK (active > 0),
    previous        integer          CHECK (previous > 0),
    shadow_revision integer          CHECK (shadow_revision > 0),
    shadow_rate     double precision CHECK (shadow_rate > 0 AND shadow_rate <= 1),
    canary_revision integer          CHECK (canary_revision > 0),
    canary_share    double precision CHECK (canary_share > 0 AND canary_share <= 1),
    canary_since    timestamptz,
    note            text,
    changed_by      text             NOT NULL,
    changed_at      timestamptz      NOT NULL DEFAULT now(),
    PRIMARY KEY (connection, mapping),
    CHECK ((shadow_revision IS NULL) = (shadow_rate IS NULL)),
    CHECK ((canary_revision IS NULL) = (canary_share IS NULL)),
    CHECK ((canary_revision IS NULL) = (canary_since IS NULL))
);

-- What came of a shadow, added up over all processes, since it began.
CREATE TABLE mapping_comparison (
    connection text        NOT NULL,
    mapping    text        NOT NULL,
    active     integer     NOT NULL,
    shadow     integer     NOT NULL,
    compared   bigint      NOT NULL DEFAULT 0 CHECK (compared >= 0),
    differing  bigint      NOT NULL DEFAULT 0 CHECK (differing >= 0 AND differing <= compared),
    dropped    bigint      NOT NULL DEFAULT 0 CHECK (dropped >= 0),
    first_at   timestamptz NOT NULL DEFAULT now(),
    last_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (connection, mapping, active, shadow)
) WITH (fillfactor = 50);

-- Where the two differ, by path. A sample is what both made of one record, in JSON, without personal data.
CREATE TABLE mapping_difference (
    connection text        NOT NULL,
    mapping    text        NOT NULL,
    active     integer     NOT NULL,
    shadow     integer     NOT NULL,
    passing    text        NOT NULL CHECK (passing IN ('read', 'write')),
    path       text        NOT NULL,
    count      bigint      NOT NULL CHECK (count > 0),
    samples    text[]      NOT NULL DEFAULT '{}' CHECK (cardinality(samples) <= 3),
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (connection, mapping, active, shadow, passing, path)
) WITH (fillfactor = 50);

-- What a canary answered for, minute by minute, beside what the active revision would have made of the same. The minutes
-- that it is no longer judged by are one row together, at -infinity.
CREATE TABLE mapping_weighing (
    connection        text        NOT NULL,
    mapping           text        NOT NULL,
    active            integer     NOT NULL,
    canary            integer     NOT NULL,
    minute            timestamptz NOT NULL,
    weighed           bigint      NOT NULL DEFAULT 0 CHECK (weighed >= 0),
    refused           bigint      NOT NULL DEFAULT 0 CHECK (refused >= 0),
    refused_by_active bigint      NOT NULL DEFAULT 0 CHECK (refused_by_active >= 0),
    lost_more         bigint      NOT NULL DEFAULT 0 CHECK (lost_more >= 0),
    lost_less         bigint      NOT NULL DEFAULT 0 CHECK (lost_less >= 0),
    PRIMARY KEY (connection, mapping, active, canary, minute)
) WITH (fillfactor = 50);

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

    -- When the last one that was told had been received: a row that only its mending gives to the record has no number.
    told_at    timestamptz,
    PRIMARY KEY (connection, identity_digest)
) WITH (fillfactor = 80);
