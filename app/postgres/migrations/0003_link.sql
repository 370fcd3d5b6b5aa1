-- Which canonical id stands for which record of which connection. An id is given once and stays for ever.
CREATE TABLE link (
    object       text        NOT NULL CHECK (object IN ('customer', 'order', 'ticket')),
    connection   text        NOT NULL,
    remote_id    text        NOT NULL CHECK (remote_id <> ''),
    canonical_id text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (object, connection, remote_id)
);

CREATE INDEX link_canonical ON link (canonical_id);
