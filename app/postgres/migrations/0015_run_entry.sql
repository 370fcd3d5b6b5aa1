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

-- The other tables that a run is told from, where nothing else needed the index.
CREATE INDEX operation_run ON operation (correlation_id);
CREATE INDEX redrive_run   ON redrive (correlation_id);
