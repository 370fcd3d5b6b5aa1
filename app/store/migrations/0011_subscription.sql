-- Who wants to be told what, and where. A target's URL is often its only secret, so it is sealed like one.
CREATE TABLE subscription (
    id              text        PRIMARY KEY CHECK (id LIKE 'sub\_%'),
    principal       text        NOT NULL,
    target_url      bytea       NOT NULL,
    events          text[]      NOT NULL CHECK (cardinality(events) > 0),
    connection      text,

    -- disabled: its deliveries wait until a person enables it. gone: the target answered 410.
    state           text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled', 'gone')),
    disabled_reason text,
    disabled_at     timestamptz,

    -- Since when no delivery has succeeded, by this database's clock.
    failing_since   timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),

    CHECK ((state = 'active') = (disabled_at IS NULL))
);

-- The secrets that a subscription's deliveries are signed with; a rotated one goes on for a while. Sealed.
CREATE TABLE subscription_secret (
    subscription text        NOT NULL REFERENCES subscription ON DELETE CASCADE,
    secret       bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    not_after    timestamptz,
    PRIMARY KEY (subscription, created_at)
);

-- One event on its way to one target: a subscription's, or the callback of an operation.
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
