-- The work for one connection: how fast it may go, and whether it may go at all. '-' is work for no connection.
-- A worker locks one row, refills its bucket by this database's clock, and takes as many jobs as there are tokens.
CREATE TABLE lane (
    connection     text             PRIMARY KEY CHECK (connection <> ''),

    -- Attempts a second, NULL for no limit; `burst` is what an idle lane saves up.
    rate           double precision CHECK (rate > 0),
    burst          double precision NOT NULL DEFAULT 1 CHECK (burst >= 1),
    tokens         double precision NOT NULL DEFAULT 1 CHECK (tokens BETWEEN 0 AND burst),
    refilled_at    timestamptz      NOT NULL DEFAULT now(),

    -- Blocked until a vendor's Retry-After, or until a person resumes it ('infinity'). When the time has come the lane
    -- is half open: one job probes, and its success unblocks the lane.
    blocked_reason text             CHECK (blocked_reason IN ('throttle', 'auth', 'operator')),
    blocked_until  timestamptz,
    blocked_note   text,
    throttles      integer          NOT NULL DEFAULT 0 CHECK (throttles >= 0),
    probe_token    uuid,

    CHECK ((blocked_reason IS NULL) = (blocked_until IS NULL)),
    CHECK (blocked_reason IS NOT NULL OR (probe_token IS NULL AND blocked_note IS NULL AND throttles = 0))
) WITH (fillfactor = 50);
