-- The chain over the audit trail. A sealer appends to it in the order of transactions, below the oldest that is still
-- open; so no writer waits for a chain, and a row that is changed, taken out or put in later shows.
ALTER TABLE audit_event
    ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();

CREATE INDEX audit_event_order ON audit_event (xid, id);
CREATE INDEX audit_event_type  ON audit_event (type, id);
CREATE INDEX audit_event_run   ON audit_event (correlation_id);

CREATE TABLE audit_seal (
    position    bigint PRIMARY KEY CHECK (position > 0),
    audit_event bigint NOT NULL UNIQUE,

    -- SHA-256 over the chain so far and the digest of the event.
    chain       bytea  NOT NULL CHECK (octet_length(chain) = 32)
);
