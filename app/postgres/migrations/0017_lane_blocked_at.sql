-- Since when a lane is blocked, for operators.
ALTER TABLE lane ADD COLUMN blocked_at timestamptz;

UPDATE lane SET blocked_at = now() WHERE blocked_reason IS NOT NULL;

ALTER TABLE lane ADD CHECK ((blocked_reason IS NULL) = (blocked_at IS NULL));
