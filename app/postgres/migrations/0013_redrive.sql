-- A bulk redrive of dead letters: which were asked for, how fast, and how far it has come. A worker carries it on batch
-- by batch, each batch one transaction that holds this row.
CREATE TABLE redrive (
    id              text             PRIMARY KEY CHECK (id LIKE 'rdv\_%'),
    filter          text             NOT NULL,
    rate_per_second double precision CHECK (rate_per_second > 0),
    state           text             NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'cancelled')),

    -- How many matched when it began, and what has become of those that had their turn.
    total           integer          NOT NULL CHECK (total >= 0),
    redriven        integer          NOT NULL DEFAULT 0 CHECK (redriven >= 0),
    skipped         integer          NOT NULL DEFAULT 0 CHECK (skipped >= 0),

    -- How many its rate allowed and were not redriven, as of then.
    allowance       double precision NOT NULL DEFAULT 0 CHECK (allowance >= 0),
    allowed_at      timestamptz      NOT NULL DEFAULT now(),

    actor           text             NOT NULL,
    correlation_id  text             NOT NULL,
    due_at          timestamptz      DEFAULT now(),
    created_at      timestamptz      NOT NULL DEFAULT now(),
    updated_at      timestamptz      NOT NULL DEFAULT now(),
    ended_at        timestamptz,

    CHECK (redriven + skipped <= total),
    CHECK (state <> 'done' OR redriven + skipped = total),
    CHECK ((state = 'running') = (ended_at IS NULL)),
    CHECK ((state = 'running') = (due_at IS NOT NULL))
) WITH (fillfactor = 50);

CREATE INDEX redrive_due ON redrive (due_at) WHERE state = 'running';

-- The dead letters that a redrive still has before it: those that matched when it began, in the order of their jobs. One
-- that dies again is another letter, and not among them.
CREATE TABLE redrive_letter (
    redrive     text   NOT NULL REFERENCES redrive ON DELETE CASCADE,
    job_id      bigint NOT NULL,
    dead_letter text   NOT NULL,
    PRIMARY KEY (redrive, job_id)
);
