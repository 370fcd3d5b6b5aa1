-- A bulk redrive of dead letters, carried on by whichever worker holds the lease until it is through or cancelled.
CREATE TABLE redrive (
    id              text             PRIMARY KEY CHECK (id LIKE 'rdv\_%'),
    filter          text             NOT NULL,
    rate_per_second double precision CHECK (rate_per_second > 0),
    state           text             NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'cancelled')),

    -- How many matched at the start, and what has become of those that had their turn. `position` is the last of them.
    total           integer          NOT NULL CHECK (total >= 0),
    redriven        integer          NOT NULL DEFAULT 0,
    skipped         integer          NOT NULL DEFAULT 0,
    position        text,

    actor           text             NOT NULL,
    correlation_id  text             NOT NULL,
    lease_token     uuid,
    due_at          timestamptz      DEFAULT now(),
    created_at      timestamptz      NOT NULL DEFAULT now(),
    updated_at      timestamptz      NOT NULL DEFAULT now(),
    ended_at        timestamptz,

    CHECK ((state = 'running') = (ended_at IS NULL)),
    CHECK ((state = 'running') = (due_at IS NOT NULL))
);

CREATE INDEX redrive_due ON redrive (due_at) WHERE state = 'running';
