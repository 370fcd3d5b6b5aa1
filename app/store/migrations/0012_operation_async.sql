-- queued: it waits for its turn in the queue, and nobody else may begin it. deferred: somebody was told that it would be
-- decided later, so its end is announced. callback: where else that is told, sealed for `operation.callback <id>`.
ALTER TABLE operation
    ADD COLUMN queued   boolean NOT NULL DEFAULT false,
    ADD COLUMN deferred boolean NOT NULL DEFAULT false,
    ADD COLUMN callback bytea;
