-- The chain over the audit trail. A sealer appends to it in the order of transactions, below the oldest that is still
-- open; so no writer waits for a chain, and a row that is changed, taken out or put in later shows.
ALTER TABLE audit_event
    ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();

CREATE INDEX audit_event_order ON audit_event (xid, id);
CREATE INDEX audit_event_type  ON audit_event (type, id);
CREATE INDEX audit_event_run   ON audit_event (correlation_id);
CREATE INDEX audit_event_at    ON audit_event USING brin (at);

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
