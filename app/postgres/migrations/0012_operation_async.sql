-- queued: it waits for its turn in the queue, and nobody but its job may begin it. deferred: somebody was told that it
-- would be decided later, so its end is announced. callback: where else that is told, sealed for
-- `operation.callback <id>`.
ALTER TABLE operation
    ADD COLUMN queued   boolean NOT NULL DEFAULT false,
    ADD COLUMN deferred boolean NOT NULL DEFAULT false,
    ADD COLUMN callback bytea;

-- One that waits for its turn has not been attempted yet.
ALTER TABLE operation
    DROP CONSTRAINT operation_attempts_check,
    ADD CONSTRAINT operation_attempts_check CHECK (attempts >= 0);

-- What waits in the queue is none of the worker's business, and must not stand in the way of what is.
DROP INDEX operation_due;
CREATE INDEX operation_due ON operation (due_at) WHERE phase IN ('received', 'sent') AND NOT queued;
