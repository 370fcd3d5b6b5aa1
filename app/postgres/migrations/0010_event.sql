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
