-- Which revision of a mapping, such as hubspot.customer, is at work at a connection, where somebody has decided so:
-- without a row, or with an active of NULL, the newest released one. A shadow is compared with the active one, a canary
-- answers for a share of the records. `note` is why a canary came back by itself.
CREATE TABLE mapping_route (
    connection      text             NOT NULL CHECK (connection <> ''),
    mapping         text             NOT NULL CHECK (mapping <> ''),
    active          integer          CHECK (active > 0),
    previous        integer          CHECK (previous > 0),
    shadow_revision integer          CHECK (shadow_revision > 0),
    shadow_rate     double precision CHECK (shadow_rate > 0 AND shadow_rate <= 1),
    canary_revision integer          CHECK (canary_revision > 0),
    canary_share    double precision CHECK (canary_share > 0 AND canary_share <= 1),
    canary_since    timestamptz,
    note            text,
    changed_by      text             NOT NULL,
    changed_at      timestamptz      NOT NULL DEFAULT now(),
    PRIMARY KEY (connection, mapping),
    CHECK ((shadow_revision IS NULL) = (shadow_rate IS NULL)),
    CHECK ((canary_revision IS NULL) = (canary_share IS NULL)),
    CHECK ((canary_revision IS NULL) = (canary_since IS NULL))
);

-- What came of a shadow, added up over all processes, since it began.
CREATE TABLE mapping_comparison (
    connection text        NOT NULL,
    mapping    text        NOT NULL,
    active     integer     NOT NULL,
    shadow     integer     NOT NULL,
    compared   bigint      NOT NULL DEFAULT 0 CHECK (compared >= 0),
    differing  bigint      NOT NULL DEFAULT 0 CHECK (differing >= 0 AND differing <= compared),
    dropped    bigint      NOT NULL DEFAULT 0 CHECK (dropped >= 0),
    first_at   timestamptz NOT NULL DEFAULT now(),
    last_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (connection, mapping, active, shadow)
) WITH (fillfactor = 50);

-- Where the two differ, by path. A sample is what both made of one record, in JSON, without personal data.
CREATE TABLE mapping_difference (
    connection text        NOT NULL,
    mapping    text        NOT NULL,
    active     integer     NOT NULL,
    shadow     integer     NOT NULL,
    passing    text        NOT NULL CHECK (passing IN ('read', 'write')),
    path       text        NOT NULL,
    count      bigint      NOT NULL CHECK (count > 0),
    samples    text[]      NOT NULL DEFAULT '{}' CHECK (cardinality(samples) <= 3),
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (connection, mapping, active, shadow, passing, path)
) WITH (fillfactor = 50);

-- What a canary answered for, minute by minute, beside what the active revision would have made of the same.
CREATE TABLE mapping_weighing (
    connection        text        NOT NULL,
    mapping           text        NOT NULL,
    active            integer     NOT NULL,
    canary            integer     NOT NULL,
    minute            timestamptz NOT NULL,
    weighed           bigint      NOT NULL DEFAULT 0 CHECK (weighed >= 0),
    refused           bigint      NOT NULL DEFAULT 0 CHECK (refused >= 0),
    refused_by_active bigint      NOT NULL DEFAULT 0 CHECK (refused_by_active >= 0),
    lost_more         bigint      NOT NULL DEFAULT 0 CHECK (lost_more >= 0),
    lost_less         bigint      NOT NULL DEFAULT 0 CHECK (lost_less >= 0),
    PRIMARY KEY (connection, mapping, active, canary, minute)
) WITH (fillfactor = 50);
