-- The migrations applied to this database, each with the SHA-256 of its text at that time.
CREATE TABLE schema_migration (
    version    integer     PRIMARY KEY CHECK (version > 0),
    name       text        NOT NULL,
    digest     bytea       NOT NULL CHECK (octet_length(digest) = 32),
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- The environment that this database belongs to, such as prod: the first one that starts on it. Another one must adopt it.
-- former: its names before `lockstitch environment rename`, which its API keys may hold.
CREATE TABLE environment (
    id         smallint    PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    name       text        NOT NULL,
    former     text[]      NOT NULL DEFAULT '{}',
    stamped_at timestamptz NOT NULL DEFAULT now()
);

-- API keys. A key is 256 random bits, so its SHA-256 cannot be reversed and needs no salt.
CREATE TABLE api_key (
    id         text        PRIMARY KEY CHECK (id LIKE 'key\_%'),

    -- The caller: the id of the first key in a line of rotations. Idempotency keys are scoped to it, so a retry with a
    -- rotated key is still recognised.
    principal  text        NOT NULL CHECK (principal LIKE 'key\_%'),

    name       text        NOT NULL CHECK (name <> ''),
    digest     bytea       NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    scopes     text[]      NOT NULL CHECK (cardinality(scopes) > 0),

    -- Whether each write with the key waits for the approval of another principal.
    needs_approval boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz CHECK (expires_at > created_at),

    -- Replaced by a newer key of the same principal; still valid until expires_at.
    rotated_at timestamptz CHECK (rotated_at IS NULL OR expires_at IS NOT NULL),
    revoked_at timestamptz
);

-- A delivery is allowed by the valid keys of its principal.
CREATE INDEX api_key_principal ON api_key (principal);

-- A name belongs to one key, the newest of its line, until that key is revoked.
CREATE UNIQUE INDEX api_key_name ON api_key (name) WHERE rotated_at IS NULL AND revoked_at IS NULL;

-- Sessions of the console. The browser has the random value of which `digest` is the SHA-256. A session ends with its key.
CREATE TABLE console_session (
    digest     bytea       PRIMARY KEY CHECK (octet_length(digest) = 32),
    api_key    text        NOT NULL REFERENCES api_key,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at)
);

-- Credentials that Lockstitch keeps: secrets (`vault:NAME`), token sets of OAuth2 grants, sessions of logins.
CREATE TABLE credential (
    name         text        PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_.-]{0,62}$'),
    kind         text        NOT NULL CHECK (kind IN ('secret', 'oauth', 'session')),

    -- The number of the newest version. Numbers are never used again.
    versions     integer     NOT NULL DEFAULT 0 CHECK (versions >= 0),

    -- The current version is due after max_age. due_version is the last one for which `secret.due` was published.
    max_age      interval    CHECK (max_age > interval '0'),
    due_version  integer,

    -- One refresher at a time. sent_version is the version whose refresh token was sent to the vendor, while the reply
    -- is not stored.
    lease_token  uuid,
    lease_until  timestamptz,
    sent_version integer,

    -- Since when a person must authorise again, and why, without any part of a secret.
    refused_at   timestamptz,
    refused_why  text,
    created_at   timestamptz NOT NULL DEFAULT now(),

    CHECK ((lease_token IS NULL) = (lease_until IS NULL)),
    CHECK ((refused_at IS NULL) = (refused_why IS NULL))
);

-- The versions of a credential. A revoked one has no value. Sealed for `credential <name> <version>`.
CREATE TABLE credential_version (
    credential     text        NOT NULL REFERENCES credential ON DELETE CASCADE,
    version        integer     NOT NULL CHECK (version > 0),
    state          text        NOT NULL CHECK (state IN ('next', 'current', 'previous', 'revoked')),
    payload        bytea,

    -- expires_at: the end of the value itself. accepted_until: a previous secret still verifies webhooks until then.
    expires_at     timestamptz,
    accepted_until timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    changed_at     timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (credential, version),
    CHECK ((state = 'revoked') = (payload IS NULL))
);

CREATE UNIQUE INDEX credential_version_state ON credential_version (credential, state) WHERE state <> 'revoked';

-- When each API key (by id) or secret (by reference) was last used, and for what: a scope of the key, or the connection
-- and `read`, `write` or `webhook`.
CREATE TABLE last_use (
    subject text        NOT NULL,
    part    text        NOT NULL,
    used_at timestamptz NOT NULL,
    PRIMARY KEY (subject, part)
);

-- One run of `lockstitch connect`, by the digests of two random values: `run` is known to the terminal and one browser,
-- `state` passes through the vendor. The code verifier is derived from `run`, so nothing here is a secret.
CREATE TABLE consent (
    run        bytea       PRIMARY KEY CHECK (octet_length(run) = 32),
    state      bytea       NOT NULL UNIQUE CHECK (octet_length(state) = 32),
    connection text        NOT NULL,
    actor      text        NOT NULL,

    -- opened_at: a browser followed the link, which works once. used_at: the vendor's answer was taken, which happens
    -- once. outcome: what became of it, without any part of a secret.
    opened_at  timestamptz,
    used_at    timestamptz,
    outcome    text,
    expires_at timestamptz NOT NULL,
    CHECK (outcome IS NULL OR used_at IS NOT NULL)
);

-- One canonical write and its progress. The intent is committed before the vendor is called, and the outcome before the
-- caller is answered.
--
-- No table that every write touches has a CHECK of one column, but that of a state's version: PostgreSQL prepares each
-- anew for each statement. The tests' databases have them (tests/formats.py).
CREATE TABLE operation (
    id              text        PRIMARY KEY,

    -- Idempotency keys are scoped to the principal. A key is released (NULL) when nothing was sent, or when the
    -- operation's retention has ended.
    principal       text        NOT NULL,
    idempotency_key text,
    fingerprint     bytea       NOT NULL,

    object          text        NOT NULL,
    action          text        NOT NULL,
    connection      text        NOT NULL,
    correlation_id  text        NOT NULL,
    traceparent     text,

    -- The caller's intent, and later the answer or problem. Sealed (AES-256-GCM).
    intent          bytea       NOT NULL,
    answer          bytea,
    problem         bytea,

    -- received: nothing was sent. sent: the vendor may have acted. settled: decided. unknown: an operator must decide.
    phase           text        NOT NULL,
    outcome         text,
    effect          text,
    remote_id       text,
    attempts        integer     NOT NULL DEFAULT 1,

    -- The holder of the token may continue until due_at. Without a token, a worker continues from due_at on.
    lease_token     text,
    due_at          timestamptz,

    -- queued: only its job may begin it. deferred: the caller was answered before it was decided, so an Event announces
    -- its end, and a refusal becomes a dead letter. redrives: how often it was carried out again after a refusal.
    -- callback: a URL that receives that Event too, sealed for `operation.callback <id>`.
    queued          boolean     NOT NULL DEFAULT false,
    deferred        boolean     NOT NULL DEFAULT false,
    redrives        integer     NOT NULL DEFAULT 0,
    callback        bytea,

    -- Digest of the unique key of an upsert. Only one upsert per key may be undecided.
    upsert_digest   bytea,

    -- Canonical id of the record whose copy it may create. Only one copy per id and connection may be undecided, and none
    -- is created while one is unknown, so that an id gets at most one record there.
    copy_of         text,

    -- That id and both connections of the copy. Only one copy of a pair may be undecided, also in the opposite direction:
    -- each would write what it read before the other.
    copied_pair     text,

    sent_at         timestamptz,

    -- absent_at: since when the vendor's list lacks the record, after the last sending. resent_at: when it was sent again
    -- because of that, which happens once.
    absent_at       timestamptz,
    resent_at       timestamptz,

    -- approval: waiting for a person until approve_by, then approved, rejected or expired; NULL for a write that needs
    -- none. A waiting operation has no job and no lease. approval_details: who wants the write, its judgement, and the
    -- decision, sealed.
    approval         text,
    approve_by       timestamptz,
    approval_details bytea,

    -- HMACs of the e-mail addresses and order numbers of a failed or unknown operation, by which operators find it. NULL:
    -- not made yet. A success has none.
    failure_keys    bytea[],
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),

    -- When it failed or became unknown. Indexes of failures name no other column in their condition, so no statement about
    -- one operation uses them.
    failed_at       timestamptz GENERATED ALWAYS AS (
                        CASE WHEN outcome = 'failed' OR phase = 'unknown' THEN updated_at END) STORED,

    CHECK ((phase = 'settled') = (outcome IS NOT NULL)),
    CHECK ((phase IN ('received', 'sent')) = (due_at IS NOT NULL)),
    CHECK (phase <> 'sent' OR sent_at IS NOT NULL),
    CHECK (outcome IS DISTINCT FROM 'succeeded' OR answer IS NOT NULL),
    CHECK (approval IS DISTINCT FROM 'waiting' OR (phase = 'received' AND queued AND lease_token IS NULL))
) WITH (fillfactor = 70, toast_tuple_target = 8160);

CREATE UNIQUE INDEX operation_key ON operation (principal, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE UNIQUE INDEX operation_upsert ON operation (connection, object, upsert_digest)
 WHERE upsert_digest IS NOT NULL AND phase IN ('received', 'sent');

CREATE UNIQUE INDEX operation_copy ON operation (connection, object, copy_of)
 WHERE copy_of IS NOT NULL AND phase IN ('received', 'sent');

CREATE UNIQUE INDEX operation_pair ON operation (object, copied_pair)
 WHERE copied_pair IS NOT NULL AND phase IN ('received', 'sent');

-- For the limit of a consumer: how often it has written a record.
CREATE INDEX operation_copied ON operation (connection, object, remote_id, sent_at) WHERE copied_pair IS NOT NULL;

-- For the worker and the reaper.
CREATE INDEX operation_due     ON operation (due_at)     WHERE phase IN ('received', 'sent') AND NOT queued;
CREATE INDEX operation_unknown ON operation (id)         WHERE phase = 'unknown';
CREATE INDEX operation_settled ON operation (updated_at) WHERE phase = 'settled';
CREATE INDEX operation_run     ON operation (correlation_id);

-- For those who approve, and for the worker that ends what no one has decided in time.
CREATE INDEX operation_approval  ON operation (id) INCLUDE (created_at, approve_by) WHERE approval = 'waiting';
CREATE INDEX operation_approvals ON operation (id) WHERE approval IS NOT NULL;

-- For webhooks: a write of ours that may be their cause, undecided or done. No statement about one operation has both
-- conditions of the first, so a cached plan cannot read all of it for one row.
CREATE INDEX operation_sent    ON operation (connection, object) WHERE phase = 'sent' AND due_at IS NOT NULL;
CREATE INDEX operation_comment ON operation (connection, remote_id)
 WHERE outcome = 'succeeded' AND object IN ('comment', 'ticket');

-- For operators: failures by time, of a record, by what people know of them, and those without keys yet.
CREATE INDEX operation_failed  ON operation (failed_at, id)          WHERE failed_at IS NOT NULL;
CREATE INDEX operation_failing ON operation (connection, remote_id)  WHERE failed_at IS NOT NULL;
CREATE INDEX operation_sought  ON operation USING gin (failure_keys) WHERE failure_keys IS NOT NULL;
CREATE INDEX operation_unkeyed ON operation (id)                     WHERE failed_at IS NOT NULL AND failure_keys IS NULL;

-- Canonical id of each record of a connection. Linked records share one.
CREATE TABLE link (
    object       text        NOT NULL,
    connection   text        NOT NULL,
    remote_id    text        NOT NULL,
    canonical_id text        NOT NULL,

    -- The record's own id, which it was first seen with. NULL: it was linked to an existing id. While canonical_id is
    -- another one, it is an alias, and a split gives it back.
    own_id       text,

    -- Since when it is known that the record was deleted at its vendor: a webhook named it. Only of records with copies.
    deleted_at   timestamptz,

    -- The record of the same connection that the vendor merged it into.
    merged_into  text        CHECK (merged_into <> remote_id),

    -- Of an order: the total that its create asked for, and the other one that the vendor computed.
    other_total  text[],

    -- How the record got its canonical id: read, write, marker, copy, person, match, or vendor_merge.
    source       text        NOT NULL DEFAULT 'read',

    -- The number of the last change, also of its match key, by which other processes drop what they cached. NULL: it
    -- never changed.
    changed      bigint,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (object, connection, remote_id)
);

-- At most one record per canonical id and connection.
CREATE UNIQUE INDEX link_canonical ON link (canonical_id, connection) WHERE merged_into IS NULL;
CREATE INDEX        link_id        ON link (canonical_id);
CREATE UNIQUE INDEX link_own       ON link (own_id)                   WHERE own_id IS NOT NULL;
CREATE INDEX        link_changed   ON link (changed)                  WHERE changed IS NOT NULL;

-- Ids that were joined with an older one, which they stand for.
CREATE TABLE link_alias (
    alias        text        PRIMARY KEY,
    canonical_id text        NOT NULL CHECK (canonical_id <> alias),
    created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX link_alias_canonical ON link_alias (canonical_id);

-- Counts the changes of links.
CREATE TABLE link_change (
    number bigint NOT NULL CHECK (number >= 0)
);

INSERT INTO link_change VALUES (0);

-- Comments that were copied to a ticket of a connection. Each is copied once, however often its ticket is. source,
-- source_ticket, comment: the original, if what was copied is a copy itself. operation: that of the copy. copy: its id, once
-- it is there.
CREATE TABLE copied_comment (
    connection    text        NOT NULL,
    ticket        text        NOT NULL,
    source        text        NOT NULL,
    source_ticket text        NOT NULL,
    comment       text        NOT NULL,
    operation     text        NOT NULL,
    copy          text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (connection, ticket, source, comment)
);

CREATE INDEX copied_comment_operation ON copied_comment (operation) WHERE copy IS NULL;

-- What two linked records held after the last copy in this direction: of each field and item of a list an HMAC of the
-- source's value and of the target's as it was read back (`FieldBase`), with the key below. It holds no values.
CREATE TABLE copy_base (
    object     text        NOT NULL CHECK (object IN ('customer', 'order', 'ticket')),
    source     text        NOT NULL,
    source_id  text        NOT NULL CHECK (source_id <> ''),
    target     text        NOT NULL,
    target_id  text        NOT NULL CHECK (target_id <> ''),
    fields     jsonb       NOT NULL,

    -- When the last copy in this direction was made. NULL: only the opposite direction was copied.
    copied_at  timestamptz,
    PRIMARY KEY (source, source_id, target, target_id, object),
    FOREIGN KEY (object, source, source_id) REFERENCES link ON DELETE CASCADE,
    FOREIGN KEY (object, target, target_id) REFERENCES link ON DELETE CASCADE
);

CREATE INDEX copy_base_target ON copy_base (target, target_id, object);

-- Consumers that have removed values, or were paused. paused: their copies wait until an operator resumes them. After
-- removals this lifts the limit until released_until; after a loop, the writes count from resumed_at.
CREATE TABLE consumer (
    name           text        PRIMARY KEY CHECK (name <> ''),
    paused_at      timestamptz,
    paused_for     text        NOT NULL DEFAULT 'removals' CHECK (paused_for IN ('removals', 'loop')),
    released_until timestamptz,
    resumed_at     timestamptz
);

-- The values that each write of a consumer clears or removes, for an hour.
CREATE TABLE copy_removal (
    operation text        PRIMARY KEY,
    consumer  text        NOT NULL REFERENCES consumer,
    number    integer     NOT NULL CHECK (number > 0),
    at        timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX copy_removal_consumer ON copy_removal (consumer, at);

-- The key of all HMACs in this schema, sealed for `digest_secret`. It stays the same when encryption keys are rotated.
CREATE TABLE digest_secret (
    id     smallint PRIMARY KEY CHECK (id = 1),
    secret bytea    NOT NULL
);

-- The erasure of a person. person: their addresses, ids and records until it is done, sealed for `erasure <id>`.
CREATE TABLE erasure (
    id             text        PRIMARY KEY CHECK (id LIKE 'era\_%'),
    state          text        NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'lifted')),
    person         bytea,

    -- How many rows of each table were deleted or changed, as JSON, and the operations and jobs that must end first.
    changed        text        NOT NULL DEFAULT '{}',
    waits_for      text[]      NOT NULL DEFAULT '{}',
    actor          text        NOT NULL,
    correlation_id text        NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    ended_at       timestamptz,
    CHECK ((state = 'running') = (person IS NOT NULL) AND (state = 'running') = (ended_at IS NULL))
);

CREATE INDEX erasure_running ON erasure (created_at) WHERE state = 'running';

-- Tombstones: the HMAC of each address and record of a person who was erased, and of the orders and tickets that named
-- them. They stay until each erasure that has them is lifted.
CREATE TABLE erased_key (
    digest  bytea NOT NULL CHECK (octet_length(digest) = 32),
    erasure text  NOT NULL REFERENCES erasure,
    PRIMARY KEY (digest, erasure)
);

CREATE INDEX erased_key_erasure ON erased_key (erasure);

-- What customers are matched by: the HMAC of the primary e-mail address, and those of the words of the name, each cut
-- to 8 bytes.
CREATE TABLE match_key (
    connection text        NOT NULL,
    remote_id  text        NOT NULL,
    digest     bytea       NOT NULL,
    name       bytea       NOT NULL,

    -- The person works for the business, as an agent or an administrator.
    is_staff   boolean     NOT NULL,

    -- Updated about once a week.
    seen_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (connection, remote_id)
);

CREATE INDEX match_key_digest ON match_key (digest);
CREATE INDEX match_key_seen   ON match_key (seen_at);

-- Two customers that may be one person, for a person to decide. A refused pair is never proposed again.
CREATE TABLE link_review (
    id               text        PRIMARY KEY CHECK (id LIKE 'lrv\_%'),
    connection       text        NOT NULL,
    remote_id        text        NOT NULL,
    other_connection text        NOT NULL,
    other_remote_id  text        NOT NULL,

    -- Why they were not joined.
    reasons          text[]      NOT NULL CHECK (cardinality(reasons) > 0),

    state            text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'refused')),
    created_at       timestamptz NOT NULL DEFAULT now(),
    closed_at        timestamptz,
    closed_by        text,

    UNIQUE (connection, remote_id, other_connection, other_remote_id),
    CHECK ((connection, remote_id) < (other_connection, other_remote_id)),
    CHECK ((state = 'open') = (closed_at IS NULL) AND (closed_at IS NULL) = (closed_by IS NULL))
);

CREATE INDEX link_review_open  ON link_review (id) WHERE state = 'open';
CREATE INDEX link_review_other ON link_review (other_connection, other_remote_id);

-- The audit trail: each change and its actor, written in the transaction of the change. Append-only.
CREATE TABLE audit_event (
    id             bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at             timestamptz NOT NULL DEFAULT now(),
    type           text COLLATE "C" NOT NULL,
    subject        text        NOT NULL,
    actor          text        NOT NULL,
    correlation_id text,

    -- Facts without personal data, and their SHA-256.
    facts          text        NOT NULL,
    digest         bytea       NOT NULL,

    -- The environment at that time. NULL: the database had none yet.
    environment    text,

    -- The transaction that wrote the row. The chain is sealed in this order.
    xid            xid8        NOT NULL DEFAULT pg_current_xact_id()
);

CREATE INDEX audit_event_subject ON audit_event (subject);
CREATE INDEX audit_event_order ON audit_event (xid, id);
CREATE INDEX audit_event_type  ON audit_event (type, id);
CREATE INDEX audit_event_run   ON audit_event (correlation_id);
CREATE INDEX audit_event_at    ON audit_event USING brin (at);

-- The hash chain over the audit trail. A sealer appends to it in transaction order, below the oldest open transaction,
-- so no writer waits for the chain. A row that is changed, deleted or inserted later is detected.
CREATE TABLE audit_seal (
    position    bigint PRIMARY KEY CHECK (position > 0),
    audit_event bigint NOT NULL UNIQUE,

    -- digest: SHA-256 of the whole event when it was sealed. chain: SHA-256 of the chain so far and that digest.
    digest      bytea  NOT NULL CHECK (octet_length(digest) = 32),
    chain       bytea  NOT NULL CHECK (octet_length(chain) = 32)
);

-- The sealer's position: all events up to this transaction and id are sealed. It is valid for one cluster. A database
-- restored into another cluster has another transaction counter, and is scanned once for unsealed events.
CREATE TABLE audit_sealer (
    cluster    bigint NOT NULL,
    sealed_xid xid8   NOT NULL,
    sealed_id  bigint NOT NULL
);

-- From which position on the chain is verified next. All workers share it.
CREATE TABLE audit_watch (
    position bigint NOT NULL CHECK (position > 0)
);

INSERT INTO audit_watch VALUES (1);

-- When each process was last alive, in database time. One that ends in order removes its row. /health/ready reports the
-- last of a worker, but does not depend on it.
CREATE TABLE heartbeat (
    -- Host and process id.
    process    text        PRIMARY KEY CHECK (process LIKE '%:%'),
    role       text        NOT NULL CHECK (role IN ('api', 'worker')),

    -- Its number in `app.postgres.listen`.
    holder     integer     NOT NULL,

    -- A digest of the settings that all processes share, and the ids of its encryption keys; the first encrypts.
    settings   text        NOT NULL,
    keys       text[]      NOT NULL,

    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
);

-- What is left of the calls that each API key may make, and how many a process took last. After a crash of PostgreSQL
-- all are full.
CREATE UNLOGGED TABLE caller_budget (
    principal text             PRIMARY KEY,
    taken     double precision NOT NULL,
    calls     double precision NOT NULL,
    at        timestamptz      NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

-- One row, which processes update to prove that the database can be written.
CREATE TABLE write_proof (
    id        smallint    PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    proven_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

INSERT INTO write_proof DEFAULT VALUES;

-- The pause of one connection, of its jobs and its requests. '-' is work without a connection. A claim locks one row.
CREATE TABLE lane (
    connection     text        PRIMARY KEY CHECK (connection <> ''),

    -- Blocked until a vendor's Retry-After, or until an operator resumes it ('infinity'). At that time the lane is half
    -- open: one job or request probes, and its success unblocks the lane.
    blocked_reason text        CHECK (blocked_reason IN ('throttle', 'auth', 'account', 'operator')),
    blocked_until  timestamptz,
    blocked_note   text,
    blocked_at     timestamptz,
    throttles      integer     NOT NULL DEFAULT 0 CHECK (throttles >= 0),
    probe_token    uuid,

    -- Until then, a request of one process probes a throttled lane.
    probing_until  timestamptz,

    -- When an operator last resumed it. Each process then forgets its own throttles and failures.
    resumed_at     timestamptz,

    -- The number of jobs of this lane that one process may run, where that is below the default: a slow target must not
    -- occupy every slot.
    concurrency    integer     CHECK (concurrency > 0),

    CHECK ((blocked_reason IS NULL) = (blocked_until IS NULL)),
    CHECK (blocked_reason IS NOT NULL OR (probe_token IS NULL AND blocked_note IS NULL AND throttles = 0)),
    CHECK ((blocked_reason IS NULL) = (blocked_at IS NULL))
) WITH (fillfactor = 50);

-- How much of the rate limit of one vendor account all processes have leased. bucket: a limit that the vendor has for
-- some requests alone, else 'default'. ring: the units of each share by the time until which they may be used, in
-- database time (`app.vendors.budget_ring`).
CREATE TABLE vendor_budget (
    account    text        NOT NULL,
    bucket     text        NOT NULL,
    ring       bytea       NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, bucket)
) WITH (fillfactor = 20);

-- The throttles and failures of a connection in single processes, for all to show. Only the process that has one ends it;
-- it renews seen_at meanwhile. until: when it tries again.
CREATE TABLE connection_observation (
    process    text        NOT NULL,
    connection text        NOT NULL,
    state      text        NOT NULL CHECK (state IN ('throttled', 'failing')),
    note       text,
    since      timestamptz NOT NULL,
    until      timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (process, connection)
);

-- When a webhook of each connection was last verified, and what was refused since then. An API process writes both
-- seconds later, so strangers cannot fill the disk.
CREATE TABLE webhook_standing (
    connection  text        PRIMARY KEY,
    verified_at timestamptz,
    reason      text,
    refused     bigint      NOT NULL DEFAULT 0 CHECK (refused >= 0),
    since       timestamptz,
    refused_at  timestamptz
) WITH (fillfactor = 50);

-- The account that a connection first met, by what tells accounts apart: {"portal": "24861357"}. Another one is refused.
CREATE TABLE connection_account (
    connection text        NOT NULL,
    mark       text        NOT NULL,
    value      text        NOT NULL,
    met_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (connection, mark)
);

-- When each connection was first configured here. What its vendor reports of earlier times is no news.
CREATE TABLE connection_setup (
    connection text        PRIMARY KEY,
    set_up_at  timestamptz NOT NULL DEFAULT now()
);

-- The vendors' replies about their accounts (properties, owners, pipelines), which all processes share. request: SHA-256
-- of address and request. Sealed for `account_fact <connection> <request>`: they may name people.
CREATE TABLE account_fact (
    connection text        NOT NULL,
    request    bytea       NOT NULL CHECK (octet_length(request) = 32),
    payload    bytea       NOT NULL,
    asked_at   timestamptz NOT NULL,
    PRIMARY KEY (connection, request)
);

CREATE INDEX account_fact_asked ON account_fact (asked_at);

-- Queued and running jobs. A finished job is deleted; one that failed for good becomes a dead letter.
CREATE TABLE job (
    id             bigint      PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
    kind           text        NOT NULL CHECK (kind <> ''),
    connection     text        NOT NULL CHECK (connection <> ''),

    -- Jobs of one key run one after the other, by id. Enqueuing locks the key until commit, so ids follow the order of
    -- commits.
    order_key      text,

    -- A job with the key of a queued or running job is not enqueued.
    dedupe_key     text,

    -- behind: an older job of the key must end first. ready: claimable from run_at on. running: claimed. A claim reads
    -- only ready jobs, so it never has to search for older jobs of the key.
    state          text        NOT NULL CHECK (state IN ('behind', 'ready', 'running')),
    run_at         timestamptz NOT NULL DEFAULT now(),

    -- Its share of the connection's budget: 0 interactive, 1 events, 2 pull, 3 backfill. A lower one goes first: a
    -- caller's write before the webhooks that wait.
    share          smallint    NOT NULL DEFAULT 1 CHECK (share BETWEEN 0 AND 3),

    -- Attempts are counted at the claim, so a job that kills its worker counts too. `deferred` counts those that do not
    -- count against max_attempts (throttled, unauthorised, returned at shutdown). A job without attempts left is
    -- running, or becomes a dead letter.
    attempts       integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    deferred       integer     NOT NULL DEFAULT 0 CHECK (deferred BETWEEN 0 AND attempts),
    max_attempts   integer     NOT NULL CHECK (max_attempts > 0),
    give_up_at     timestamptz,

    -- Whether its failure for good blocks the later jobs of its key, or skips to the next.
    dead_head      text        NOT NULL CHECK (dead_head IN ('block', 'skip')),

    -- The holder of the token may finish the job, until another worker receives a new token.
    lease_token    uuid,
    lease_until    timestamptz,
    started_at     timestamptz,

    -- The number of the process that claimed it last (`app.postgres.listen`). NULL: it had no session to show that it
    -- lives. When that session has ended, the lease ends early.
    lease_holder   integer,

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

-- For claims, and for the next job of a key. At most one job of a key is not behind, so jobs of a key never overlap.
CREATE INDEX        job_ready  ON job (connection, share, run_at, id) WHERE state = 'ready';
CREATE INDEX        job_order  ON job (connection, order_key, id) WHERE order_key IS NOT NULL;
CREATE UNIQUE INDEX job_head   ON job (connection, order_key)     WHERE order_key IS NOT NULL AND state <> 'behind';
CREATE UNIQUE INDEX job_dedupe ON job (kind, connection, dedupe_key) WHERE dedupe_key IS NOT NULL;
CREATE INDEX        job_lease  ON job (lease_until)               WHERE state = 'running';

-- Those that were attempted before, which wait since they were enqueued.
CREATE INDEX        job_again  ON job (connection, created_at)
 WHERE state <> 'behind' AND attempts > (state = 'running')::integer;

-- Every ended attempt, also of deleted jobs: `job_id` may refer to a job that no longer exists.
CREATE TABLE attempt (
    job_id         bigint      NOT NULL,
    number         integer     NOT NULL CHECK (number > 0),
    kind           text        NOT NULL,
    connection     text        NOT NULL,
    correlation_id text        NOT NULL,

    -- lost: its lease expired, or its worker was killed. deferred: postponed for a reason outside the job.
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

-- A job that failed for good, with everything needed to run it again in its old place.
CREATE TABLE dead_letter (
    id             text        PRIMARY KEY CHECK (id LIKE 'dl\_%'),

    -- The job as it was. `job_id` refers to its attempts and keeps its place in the order of its key.
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

    -- Why it failed (without personal data), at which path of the payload, and in which mapping.
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
    closed_reason  text,

    -- HMACs of the e-mail addresses and order numbers in its payload, as of an operation. NULL: not made yet.
    failure_keys   bytea[],

    CHECK ((mapping IS NULL) = (revision IS NULL)),
    CHECK ((state = 'open') = (closed_at IS NULL) AND (closed_at IS NULL) = (closed_by IS NULL)),
    CHECK (state <> 'discarded' OR closed_reason IS NOT NULL)
);

CREATE INDEX dead_letter_open ON dead_letter (connection, kind, id) WHERE state = 'open';
CREATE INDEX dead_letter_newest ON dead_letter (id) WHERE state = 'open';
CREATE INDEX dead_letter_key  ON dead_letter (connection, kind, dedupe_key) WHERE state = 'open' AND dedupe_key IS NOT NULL;
CREATE INDEX dead_letter_poison ON dead_letter (connection, kind) WHERE state = 'open' AND category = 'poison';
CREATE INDEX dead_letter_run  ON dead_letter (correlation_id);
CREATE INDEX dead_letter_job  ON dead_letter (job_id);
CREATE INDEX dead_letter_closed ON dead_letter (closed_at) WHERE state <> 'open';

-- Lock an order key until the transaction ends, and return whether a job with this id would have to wait: for an older
-- job, or for a person to decide about a dead letter. NULL: a later job is here, so the id is no use; it was drawn before
-- the lock. A VOLATILE function sees what was committed when it looks, which is after it has the lock. Comparisons of rows
-- keep to the index of keys: a table that was almost empty when it was analysed seems cheaper to read whole by its ids.
CREATE FUNCTION take_place(connection text, order_key text, id bigint)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(take_place.connection || chr(31) || take_place.order_key, 0));
    PERFORM FROM job
      WHERE job.connection = take_place.connection AND job.order_key = take_place.order_key
        AND (job.connection, job.order_key, job.id) > (take_place.connection, take_place.order_key, take_place.id)
      LIMIT 1;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM FROM dead_letter
      WHERE dead_letter.connection = take_place.connection AND dead_letter.order_key = take_place.order_key
        AND dead_letter.state = 'open' AND dead_letter.job_id > take_place.id
      LIMIT 1;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM FROM job
      WHERE job.connection = take_place.connection AND job.order_key = take_place.order_key
      LIMIT 1;
    IF FOUND THEN
        RETURN true;
    END IF;
    PERFORM FROM dead_letter
      WHERE dead_letter.connection = take_place.connection AND dead_letter.order_key = take_place.order_key
        AND dead_letter.state = 'open' AND dead_letter.dead_head = 'block'
      LIMIT 1;
    RETURN FOUND;
END
$$;

-- Make the oldest job of each order key ready, unless the key has a head or is blocked by a dead letter, and return how
-- many are. The caller has locked the keys, perhaps in the same statement: a VOLATILE function sees what was committed
-- when it looks, and what its statement has deleted. Lookups of one row instead of EXISTS, which could be planned as a
-- scan of the whole table.
CREATE FUNCTION promote_jobs(connections text[], order_keys text[])
RETURNS integer LANGUAGE plpgsql VOLATILE STRICT AS $$
DECLARE
    promoted integer;
BEGIN
    UPDATE job
       SET state = 'ready'
     WHERE id = ANY (ARRAY(
           SELECT oldest.id
             FROM (SELECT DISTINCT key.connection, key.order_key
                     FROM unnest((SELECT connections), (SELECT order_keys)) AS key (connection, order_key)) AS key
            CROSS JOIN LATERAL (
                  SELECT job.connection, job.order_key, job.id
                    FROM job
                   WHERE job.order_key IS NOT NULL
                     AND (job.connection, job.order_key, job.id) > (key.connection, key.order_key, 0)
                   ORDER BY job.connection, job.order_key, job.id
                   LIMIT 1) AS oldest
             LEFT JOIN LATERAL (
                  SELECT true AS here
                    FROM job
                   WHERE job.connection = key.connection AND job.order_key = key.order_key AND job.state <> 'behind'
                   LIMIT 1) AS head ON true
             LEFT JOIN LATERAL (
                  SELECT true AS here
                    FROM dead_letter
                   WHERE dead_letter.connection = key.connection AND dead_letter.order_key = key.order_key
                     AND dead_letter.state = 'open' AND dead_letter.dead_head = 'block'
                   LIMIT 1) AS block ON true
            WHERE oldest.connection = key.connection AND oldest.order_key = key.order_key
              AND head.here IS NULL
              AND block.here IS NULL));
    GET DIAGNOSTICS promoted = ROW_COUNT;
    RETURN promoted;
END
$$;

-- For operators: of one state, connection, kind, category, code or path, newest first; the others as of operations.
CREATE INDEX dead_letter_state    ON dead_letter (state, id) WHERE state <> 'open';
CREATE INDEX dead_letter_at       ON dead_letter (connection, state, id);
CREATE INDEX dead_letter_kind     ON dead_letter (kind, state, id);
CREATE INDEX dead_letter_category ON dead_letter (category, state, id);
CREATE INDEX dead_letter_cause    ON dead_letter (reason, state, id);
CREATE INDEX dead_letter_path     ON dead_letter (regexp_replace(path, '\[[0-9]+\]', '[*]', 'g'), state, id);
CREATE INDEX dead_letter_made    ON dead_letter (created_at, id);
CREATE INDEX dead_letter_record  ON dead_letter (connection, order_key) WHERE order_key IS NOT NULL;
CREATE INDEX dead_letter_sought  ON dead_letter USING gin (failure_keys) WHERE failure_keys IS NOT NULL;
CREATE INDEX dead_letter_unkeyed ON dead_letter (id) WHERE failure_keys IS NULL;

-- Keys that are blocked until an operator decides.
CREATE UNIQUE INDEX dead_letter_block ON dead_letter (connection, order_key)
 WHERE state = 'open' AND dead_head = 'block' AND order_key IS NOT NULL;

-- A verified webhook receipt, or a row of an export. The unique key removes duplicates.
CREATE TABLE inbound_event (
    id             text        PRIMARY KEY CHECK (id LIKE 'in\_%'),
    connection     text        NOT NULL,
    dedupe_key     text        NOT NULL CHECK (length(dedupe_key) BETWEEN 1 AND 255),

    -- Event type and record in the vendor's terms. An unsigned time is only a hint.
    topic          text,
    remote_object  text,
    remote_id      text,
    occurred_at    timestamptz,

    -- The received payload, sealed (AES-256-GCM) for `inbound_event <id>`, and its SHA-256. A duplicate with other
    -- bytes is audited, but not processed.
    payload        bytea       NOT NULL,
    digest         bytea       NOT NULL CHECK (octet_length(digest) = 32),

    correlation_id text        NOT NULL,
    received_at    timestamptz NOT NULL DEFAULT now(),

    -- When it became an Event. An unsettled receipt is kept beyond its retention.
    settled_at     timestamptz,

    UNIQUE (connection, dedupe_key)
);

CREATE INDEX inbound_event_run     ON inbound_event (correlation_id);
CREATE INDEX inbound_event_settled ON inbound_event (settled_at) WHERE settled_at IS NOT NULL;

-- The last known state of a record, from which an Event computes its changed fields. Sealed for
-- `record_state <object> <connection> <remote id>`.
CREATE TABLE record_state (
    object     text        NOT NULL,
    connection text        NOT NULL,
    remote_id  text        NOT NULL,
    data       bytea       NOT NULL,
    deleted    boolean     NOT NULL DEFAULT false,

    -- Incremented with every change. An update must name the version that it compared with (optimistic locking).
    version    bigint      NOT NULL DEFAULT 1 CHECK (version > 0),
    seen_at    timestamptz NOT NULL DEFAULT now(),

    -- The vendor's answer is at least as new as this. A webhook that arrived before needs no further read.
    read_at    timestamptz NOT NULL,

    -- The last write through Lockstitch: its operation, run, trace and time, as JSON. Webhooks that follow are its echo.
    written_by text,

    -- An HMAC of the compared fields, with the mapping revision that read them: a record with an equal one is unchanged.
    -- NULL: deleted, or not read from a vendor.
    digest     bytea,

    -- An HMAC of what a pull has mapped it from: the vendor's bytes, the account facts, the mapping revision and the
    -- release. A record that is listed with an equal one is not mapped. NULL: anything else has replaced the state.
    source     bytea,
    PRIMARY KEY (object, connection, remote_id)
) WITH (toast_tuple_target = 8160);

-- A walk that runs: it reads the records of an object at a connection, page by page. Each page is a job of kind `walk`.
CREATE TABLE walk (
    id             text        NOT NULL UNIQUE CHECK (id ~ '^(walk|bf)_'),
    connection     text        NOT NULL,
    object         text        NOT NULL CHECK (object IN ('customer', 'order', 'ticket', 'stock_level')),
    purpose        text        NOT NULL CHECK (purpose IN ('pull', 'backfill', 'reconcile')),

    -- NULL: all records, not only those that changed since then.
    since          timestamptz,

    -- The first walk of its object: records without a state are no news.
    is_baseline    boolean     NOT NULL,
    page_size      integer     NOT NULL CHECK (page_size > 0),

    -- The vendor's cursor of the next page, and the latest time of a change in those before it.
    cursor         text,
    newest         timestamptz,
    pages          bigint      NOT NULL DEFAULT 0,
    records        bigint      NOT NULL DEFAULT 0,
    changed        bigint      NOT NULL DEFAULT 0,
    unreadable     bigint      NOT NULL DEFAULT 0,

    -- How often it began again because the vendor refused its cursor.
    restarts       integer     NOT NULL DEFAULT 0,
    correlation_id text        NOT NULL,
    started_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (connection, object, purpose)
) WITH (fillfactor = 50);

-- A backfill: a walk over what exists, with the same id, and what became of its records. It outlives its walk.
CREATE TABLE backfill (
    id             text             PRIMARY KEY CHECK (id LIKE 'bf\_%'),
    connection     text             NOT NULL,
    object         text             NOT NULL CHECK (object IN ('customer', 'order', 'ticket')),
    since          timestamptz,

    -- Records per second. NULL: as fast as the budget of the connection allows.
    rate           double precision CHECK (rate > 0),

    -- The subscriptions, and `consumer:<name>`, that get an event for each record. NULL: no events.
    deliver        text[]           CHECK (cardinality(deliver) > 0),
    is_dry_run     boolean          NOT NULL,
    state          text             NOT NULL DEFAULT 'running'
                   CHECK (state IN ('running', 'paused', 'completed', 'cancelled', 'failed')),
    failure        text,

    -- The records that were expected when it began. NULL: no list was ever read to its end.
    total          bigint,
    pages          bigint           NOT NULL DEFAULT 0,
    records        bigint           NOT NULL DEFAULT 0,
    new            bigint           NOT NULL DEFAULT 0,
    known          bigint           NOT NULL DEFAULT 0,
    differing      bigint           NOT NULL DEFAULT 0,
    unreadable     bigint           NOT NULL DEFAULT 0,

    -- When it last began or went on, and the records until then, for its pace.
    resumed_at     timestamptz      NOT NULL DEFAULT now(),
    resumed_with   bigint           NOT NULL DEFAULT 0,
    actor          text             NOT NULL,
    correlation_id text             NOT NULL,
    created_at     timestamptz      NOT NULL DEFAULT now(),
    updated_at     timestamptz      NOT NULL DEFAULT now(),
    ended_at       timestamptz,

    CHECK ((state IN ('running', 'paused')) = (ended_at IS NULL)),
    CHECK ((state = 'failed') = (failure IS NOT NULL))
) WITH (fillfactor = 50);

-- One at a time for an object of a connection.
CREATE UNIQUE INDEX backfill_active ON backfill (connection, object) WHERE ended_at IS NULL;
CREATE INDEX backfill_ended ON backfill (ended_at) WHERE ended_at IS NOT NULL;

-- Up to when the changes of an object at a connection were pulled, by the vendor's clock.
CREATE TABLE watermark (
    connection   text        NOT NULL,
    object       text        NOT NULL CHECK (object IN ('customer', 'order', 'ticket', 'stock_level')),
    watermark    timestamptz,

    -- The last run that completed.
    started_at   timestamptz,
    completed_at timestamptz,

    -- When the last run was started, and why it failed, if it did.
    tried_at     timestamptz,
    failure      text,

    -- Since when its data have been older than their limit, once `freshness.breached` is published, until
    -- `freshness.restored` is.
    breached_at  timestamptz,
    PRIMARY KEY (connection, object)
) WITH (fillfactor = 50);

-- How many pieces of an item are available at a location, as the pull of object `stock_level` last read it.
CREATE TABLE stock_level (
    connection text        NOT NULL,

    -- The vendor's id of the item, with `@` and that of the location where there are several.
    remote_id  text        NOT NULL,
    sku        text,
    name       text,
    location   text        NOT NULL,
    available  bigint      NOT NULL,

    -- The item is low at this number and below. NULL: it has no threshold.
    threshold  bigint,

    -- The vendor's time of the last change, and when the vendor was asked.
    updated_at timestamptz,
    read_at    timestamptz NOT NULL,
    PRIMARY KEY (connection, remote_id)
) WITH (fillfactor = 50);

CREATE INDEX stock_level_sku ON stock_level (sku) WHERE sku IS NOT NULL;

-- What a walk of purpose `reconcile` has listed so far: a state without a row here is absent at its end. A suspect differs
-- from its state, and is read by itself.
CREATE TABLE walk_seen (
    walk       text    NOT NULL,
    remote_id  text    NOT NULL,
    is_suspect boolean NOT NULL,
    PRIMARY KEY (walk, remote_id)
) WITH (fillfactor = 90);

-- When the records of an object at a connection were compared with their states.
CREATE TABLE reconciliation (
    connection   text        NOT NULL,
    object       text        NOT NULL CHECK (object IN ('customer', 'order', 'ticket')),

    -- When a person asked for a run, and when the last one was started.
    requested_at timestamptz,
    tried_at     timestamptz,
    completed_at timestamptz,
    failure      text,

    -- The states at the start of the last run: about as many records are listed.
    states       bigint      NOT NULL DEFAULT 0,
    PRIMARY KEY (connection, object)
) WITH (fillfactor = 50);

-- A difference between the records of a connection and their states, or the sources of copies. Closed when it is gone,
-- or repaired.
CREATE TABLE reconcile_finding (
    id             text        PRIMARY KEY CHECK (id LIKE 'rec\_%'),
    connection     text        NOT NULL,
    object         text        NOT NULL CHECK (object IN ('customer', 'order', 'ticket')),
    kind           text        NOT NULL CHECK (kind IN ('missed', 'absent', 'extra', 'differing')),

    -- NULL: too many records are absent to conclude anything about one of them. `records` is how many.
    remote_id      text,
    records        bigint      NOT NULL DEFAULT 1,

    -- Those records. They are read one by one, once a person has confirmed that they may be gone.
    absentees      text[]      NOT NULL DEFAULT '{}',

    -- The names of the fields that differ, and the vendor's time of the change.
    fields         text[]      NOT NULL DEFAULT '{}',
    changed_at     timestamptz,

    -- Of a copy that differs from its source (`hubspot:1051`), whose each of the fields is.
    source         text CHECK ((source IS NOT NULL) = (kind = 'differing')),
    owners         text[]      NOT NULL DEFAULT '{}',

    -- The walk that found it last.
    walk           text        NOT NULL,
    is_repaired    boolean     NOT NULL DEFAULT false,
    first_found_at timestamptz NOT NULL DEFAULT now(),
    last_found_at  timestamptz NOT NULL DEFAULT now(),
    closed_at      timestamptz
);

CREATE UNIQUE INDEX reconcile_finding_open ON reconcile_finding (connection, object, kind, remote_id, source)
       NULLS NOT DISTINCT WHERE closed_at IS NULL;
CREATE INDEX reconcile_finding_closed ON reconcile_finding (closed_at) WHERE closed_at IS NOT NULL;

-- The era of the transaction counter that event ids contain, at a timeline; each later timeline has the next era. A
-- standby that was promoted without the last commits, and a database restored into another cluster, may have a lower
-- counter; a higher era makes new events sort after the old ones.
CREATE TABLE event_era (
    era      smallint NOT NULL CHECK (era >= 0),
    timeline integer  NOT NULL
);

INSERT INTO event_era SELECT 0, ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer;

CREATE SEQUENCE event_place;

-- A canonical change, for the feed and for subscribers. Sealed bodies do not compress, so they stay in the row. The id is
-- era, transaction and place in hexadecimal (4, 16 and 16 digits), and sorts in feed order. The feed ends below the
-- oldest open transaction, so no event can appear before a reader's position.
CREATE TABLE event (
    id             text COLLATE "C" PRIMARY KEY,
    type           text        NOT NULL,
    connection     text,

    -- The record that changed, in the form of an order key: `customer:1051`.
    record         text,

    -- The scopes that a key needs to read it: all of them.
    scopes         text[]      NOT NULL,

    -- The connections that the change has come through, its own included. No consumer there gets it.
    visited        text[]      NOT NULL DEFAULT '{}',

    -- What subscribers receive besides these columns, sealed for `event <place>`.
    body           bytea       NOT NULL,

    correlation_id text        NOT NULL,
    traceparent    text,
    origin         text,
    created_at     timestamptz NOT NULL DEFAULT now()
) WITH (toast_tuple_target = 8160);

-- The origin of an event of a backfill is its id. Readers see these only if they ask for them.
CREATE INDEX event_type       ON event (type, id) WHERE (origin LIKE 'bf\_%') IS NOT TRUE;
CREATE INDEX event_connection ON event (connection, type, id) WHERE (origin LIKE 'bf\_%') IS NOT TRUE;
CREATE INDEX event_backfilled ON event (id) WHERE origin LIKE 'bf\_%';
CREATE INDEX event_run        ON event (correlation_id);
CREATE INDEX event_created    ON event (created_at);

-- Which events go to which target. A target URL is often its only secret, so it is sealed, for `subscription <id>`.
CREATE TABLE subscription (
    id              text        PRIMARY KEY CHECK (id LIKE 'sub\_%'),
    principal       text        NOT NULL,
    target_url      bytea       NOT NULL,

    -- The HMAC of everything that makes two subscriptions of a principal equal, so that it is found unopened.
    digest          bytea       NOT NULL CHECK (octet_length(digest) = 32),
    events          text[]      NOT NULL CHECK (cardinality(events) > 0),
    connection      text,

    -- fields: what is delivered of a record, besides id and meta. changed: an `updated` event must name one of these.
    -- NULL: all.
    fields          text[]      CHECK (cardinality(fields) > 0),
    changed         text[]      CHECK (cardinality(changed) > 0),

    -- disabled: its lane is blocked and its deliveries wait until an operator enables it.
    state           text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
    disabled_reason text,
    disabled_at     timestamptz,

    -- The first failed attempt since the last success, in database time, their number, and why the last one failed.
    failing_since   timestamptz,
    failures        integer     NOT NULL DEFAULT 0 CHECK (failures >= 0),
    last_error      text,

    -- By the retry ladder of the worker that made the last attempt. Means nothing without a failure.
    disabled_at_latest timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),

    CHECK ((state = 'active') = (disabled_at IS NULL) AND (disabled_at IS NULL) = (disabled_reason IS NULL))
);

CREATE INDEX subscription_digest ON subscription (digest);

-- For the subscriptions whose patterns match an event.
CREATE INDEX subscription_events ON subscription USING gin (events);

-- The subscriptions that want an Event which this transaction appends. `subject` is the wildcard of its type, such as
-- `order.*`; NULL for a type that only its name matches. A VOLATILE function sees what is committed when it
-- looks, which is after it has the lock. A new subscription takes the lock ("eventadd" in ASCII) exclusively. So every
-- Event that misses a subscription is committed before the subscription exists, and is in the feed.
CREATE FUNCTION wanted_by(type text, subject text, connection text, changed text[])
RETURNS TABLE (subscription text, fields text[]) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7311142570155926628);
    RETURN QUERY
    SELECT wanting.id, wanting.fields
      FROM subscription AS wanting
     WHERE wanting.events && CASE WHEN wanted_by.subject IS NULL THEN ARRAY[wanted_by.type]
                                  ELSE ARRAY['*', wanted_by.subject, wanted_by.type] END
       AND (wanting.connection IS NULL OR wanting.connection = wanted_by.connection)
       AND (wanting.changed IS NULL OR wanted_by.changed IS NULL OR wanting.changed && wanted_by.changed);
END
$$;

-- The secrets that sign a subscription's deliveries. A rotated secret also signs until not_after. Sealed for
-- `subscription_secret <subscription>`.
CREATE TABLE subscription_secret (
    subscription text        NOT NULL REFERENCES subscription ON DELETE CASCADE,
    secret       bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    not_after    timestamptz,
    PRIMARY KEY (subscription, created_at)
);

-- One event on its way to one target: a subscription, or the callback of an operation. dead: failed for good, with a
-- dead letter. dropped: no longer wanted.
CREATE TABLE delivery (
    id             text        PRIMARY KEY CHECK (id LIKE 'dlv\_%'),
    event          text        NOT NULL,
    subscription   text,

    -- For a callback: the principal that requested it, and its URL, sealed for `delivery <id>`.
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

-- A bulk redrive of dead letters: its filter, rate and progress. A worker runs it in batches, each in one transaction
-- that locks this row.
CREATE TABLE redrive (
    id              text             PRIMARY KEY CHECK (id LIKE 'rdv\_%'),
    filter          text             NOT NULL,
    rate_per_second double precision CHECK (rate_per_second > 0),
    state           text             NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'cancelled')),

    -- total: the letters that matched when it began. redriven and skipped: those processed so far.
    total           integer          NOT NULL CHECK (total >= 0),
    redriven        integer          NOT NULL DEFAULT 0 CHECK (redriven >= 0),
    skipped         integer          NOT NULL DEFAULT 0 CHECK (skipped >= 0),

    -- The unused allowance of its rate, as of allowed_at.
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

-- The dead letters that a redrive has yet to process, in the order of their jobs. They are fixed when it begins, so a
-- job that fails again makes a new letter, which is not among them.
CREATE TABLE redrive_letter (
    redrive     text   NOT NULL REFERENCES redrive ON DELETE CASCADE,
    job_id      bigint NOT NULL,
    dead_letter text   NOT NULL,
    PRIMARY KEY (redrive, job_id)
);

-- Steps of a run that no other table has: answered requests, vendor calls with the vendor's request ids, and callers'
-- notes. Facts without personal data. Notes apart, they are written in batches, asynchronously, so a process killed with
-- -9 may lose its last entries.
CREATE TABLE run_entry (
    id             bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    correlation_id text        NOT NULL,
    kind           text        NOT NULL CHECK (kind IN ('request', 'vendor_call', 'note')),
    at             timestamptz NOT NULL,
    facts          text        NOT NULL
);

CREATE INDEX run_entry_run ON run_entry (correlation_id, at);
CREATE INDEX run_entry_at  ON run_entry (at);

-- Reads that failed and that a retry does not repair. A failed write is an operation.
CREATE INDEX run_entry_failed ON run_entry (at) WHERE kind = 'request' AND facts::jsonb ->> 'method' IN ('GET', 'HEAD')
                                                  AND facts::jsonb ->> 'status' IN ('500', '502');

-- Raised alarms, so that only one of several workers reports each, and repeats it while it lasts.
CREATE TABLE alert (
    name          text        PRIMARY KEY CHECK (name <> ''),
    summary       text        NOT NULL,
    raised_at     timestamptz NOT NULL DEFAULT now(),

    -- When a worker last found it. One that no worker checks any more ends a minute later.
    seen_at       timestamptz NOT NULL DEFAULT now(),

    -- When the alarm was last sent. NULL: not yet.
    reported_at   timestamptz,

    -- When the alarm ended. The row stays until its end has been sent.
    ended_at      timestamptz,

    -- The worker that sends it has the token until claimed_until.
    claim_token   text,
    claimed_until timestamptz,

    CHECK ((claim_token IS NULL) = (claimed_until IS NULL))
);

-- The active revision of a mapping, such as hubspot.customer, at a connection. Without a row, or with active NULL, the
-- newest released revision is active. A shadow is compared with the active revision.
CREATE TABLE mapping_route (
    connection      text             NOT NULL CHECK (connection <> ''),
    mapping         text             NOT NULL CHECK (mapping <> ''),
    active          integer          CHECK (active > 0),
    previous        integer          CHECK (previous > 0),
    shadow_revision integer          CHECK (shadow_revision > 0),
    shadow_rate     double precision CHECK (shadow_rate > 0 AND shadow_rate <= 1),
    changed_by      text             NOT NULL,
    changed_at      timestamptz      NOT NULL DEFAULT now(),
    PRIMARY KEY (connection, mapping),
    CHECK ((shadow_revision IS NULL) = (shadow_rate IS NULL))
);

-- Totals of a shadow since it began, over all processes.
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

-- The paths at which the two revisions differ. A sample has both results of one record, in JSON, without personal data.
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

-- Whether the baseline of a mapping revision at a connection is learned. Webhook payloads have a separate baseline.
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

-- The traits of a baseline by path: presence (an empty trait), a type, an enum choice. No other values are stored.
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

-- How many records, of lists or read singly, had a value in a member that the mapping reads: learned, and in the present
-- window.
CREATE TABLE drift_share (
    connection      text             NOT NULL,
    mapping         text             NOT NULL,
    revision        integer          NOT NULL,
    source          text             NOT NULL,
    listed          boolean          NOT NULL,
    path            text             NOT NULL,
    learned_records double precision NOT NULL DEFAULT 0,
    learned_filled  double precision NOT NULL DEFAULT 0,
    records         integer          NOT NULL,
    filled          integer          NOT NULL,
    PRIMARY KEY (connection, mapping, revision, source, listed, path),
    FOREIGN KEY (connection, mapping, revision, source) REFERENCES drift_baseline ON DELETE CASCADE
) WITH (fillfactor = 50);

-- Changes at a vendor. One row per change, however often it is seen. `example` is masked. A share that was acknowledged
-- (`ended_at`) may leave its bound again: that is another finding.
CREATE TABLE drift_finding (
    id              text        PRIMARY KEY,
    connection      text        NOT NULL,
    object          text        NOT NULL CHECK (object IN ('customer', 'order', 'ticket', 'comment')),
    mapping         text        NOT NULL,
    revision        integer     NOT NULL,
    source          text        NOT NULL CHECK (source IN ('record', 'webhook')),
    path            text        NOT NULL,
    kind            text        NOT NULL
                                CHECK (kind IN ('unknown_field', 'changed_type', 'new_enum_value', 'missing_field',
                                                'empty_more_often')),
    expected        text        NOT NULL,
    found           text        NOT NULL,
    example         text,
    policy          text        NOT NULL CHECK (policy IN ('evolve', 'freeze', 'reject')),
    count           bigint      NOT NULL CHECK (count > 0),
    first_seen      timestamptz NOT NULL DEFAULT now(),
    last_seen       timestamptz NOT NULL DEFAULT now(),
    acknowledged_at timestamptz,
    acknowledged_by text,
    ended_at        timestamptz NOT NULL DEFAULT 'infinity',

    UNIQUE (connection, mapping, revision, source, path, kind, found, ended_at),
    CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL))
);

CREATE INDEX drift_finding_alarming ON drift_finding (id)
 WHERE policy IN ('freeze', 'reject') AND acknowledged_at IS NULL;

-- For operators.
CREATE INDEX drift_finding_open ON drift_finding (connection, id) WHERE acknowledged_at IS NULL;

-- An uploaded export and its progress. An interrupted upload resumes when the export is sent again under its key.
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

-- Digest of the last row of each record. A row that repeats it is a duplicate.
CREATE TABLE upload_row (
    connection      text        NOT NULL,
    identity_digest bytea       NOT NULL CHECK (octet_length(identity_digest) = 32),
    digest          bytea       NOT NULL CHECK (octet_length(digest) = 32),

    -- generation: incremented with every changed row. published: the last published generation, because a dead letter
    -- of an older row may be redriven after a newer row was published.
    generation      bigint      NOT NULL DEFAULT 1 CHECK (generation > 0),
    published       bigint      NOT NULL DEFAULT 0 CHECK (published BETWEEN 0 AND generation),

    -- When the last published row was received. An edited row that moved to this record has no generation to compare.
    published_at    timestamptz,
    PRIMARY KEY (connection, identity_digest)
) WITH (fillfactor = 80);

-- A claim: of the runs that want a name, the one that has it. An expired one is taken over by the next run.
CREATE TABLE claim (
    name           text        PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 255),
    id             text        NOT NULL UNIQUE CHECK (id LIKE 'clm\_%'),
    principal      text        NOT NULL,

    -- The caller's own name for its attempt: a repetition renews the claim.
    request_key    text,
    correlation_id text        NOT NULL,
    claimed_at     timestamptz NOT NULL DEFAULT now(),
    expires_at     timestamptz NOT NULL
) WITH (fillfactor = 80);

CREATE INDEX claim_expires ON claim (expires_at);
