-- Which alarms are raised, so that of several workers one tells of it, and again while it lasts.
CREATE TABLE alert (
    name      text        PRIMARY KEY CHECK (name <> ''),
    raised_at timestamptz NOT NULL DEFAULT now(),
    told_at   timestamptz
);
