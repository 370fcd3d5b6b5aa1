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

-- Jobs of a lane that one process may have at work, where that is fewer than usual: a target that takes its time takes
-- only so many places.
ALTER TABLE lane ADD COLUMN at_once integer CHECK (at_once > 0);
