-- Which alarms are raised, so that of several workers one tells of it, and again while it lasts.
CREATE TABLE alert (
    name          text        PRIMARY KEY CHECK (name <> ''),
    summary       text        NOT NULL,
    raised_at     timestamptz NOT NULL DEFAULT now(),

    -- When a person was last told; NULL: not yet.
    told_at       timestamptz,

    -- It is over, and that is still to be told.
    ended_at      timestamptz,

    -- Whose business it is to tell it, until then.
    claim_token   text,
    claimed_until timestamptz,

    CHECK ((claim_token IS NULL) = (claimed_until IS NULL))
);
