-- What retention looks for.
CREATE INDEX dead_letter_closed ON dead_letter (closed_at) WHERE state <> 'open';

CREATE INDEX redrive_ended ON redrive (ended_at) WHERE ended_at IS NOT NULL;
