"""SQL of match keys and reviews.

Links and reviews are looked up by their keys even in a plan from a time when the tables were small, which a session
keeps. Without `OFFSET 0`, which keeps a sub-select apart, such a plan joins with all customers.
"""

from app.links.statements import CHANNEL
from app.postgres.database import Statement


def _link_of(name: str, connection: str, remote_id: str) -> str:
    """Return SQL text that joins the link of a customer, as `name`."""
    return f"""
      CROSS JOIN LATERAL (
           SELECT *
             FROM link
            WHERE (object, connection, remote_id) = ('customer', {connection}, {remote_id})
           OFFSET 0) AS {name}
    """  # noqa: S608 - no caller's text is in it, also below


_LINK_OF_KEY = _link_of("link", "known.connection", "known.remote_id")
_LINKS_OF_REVIEW = _link_of("one", "review.connection", "review.remote_id") + _link_of(
    "other", "review.other_connection", "review.other_remote_id"
)


def reviews_of(places: str) -> str:
    """Return SQL text that selects the reviews of `place` (connection, remote_id) in a FROM item, decided ones too."""
    return f"""
    SELECT review.id, review.connection, review.remote_id, review.other_connection, review.other_remote_id
      FROM {places}
     CROSS JOIN LATERAL (
           SELECT * FROM link_review WHERE (connection, remote_id) = (place.connection, place.remote_id)
            UNION ALL
           SELECT * FROM link_review WHERE (other_connection, other_remote_id) = (place.connection, place.remote_id)
           ) AS review
    """  # noqa: S608


def _digest_of(connection: str, remote_id: str) -> str:
    """Return SQL text of a customer's key after the insertion `put`, which the statement itself does not see."""
    return f"""
        coalesce((SELECT digest FROM put WHERE (connection, remote_id) = ({connection}, {remote_id})),
                 (SELECT digest FROM match_key WHERE (connection, remote_id) = ({connection}, {remote_id})))
    """  # noqa: S608


# For a WITH that has the places of changed keys as `moved`: counts a change of links, so that all processes drop what
# they remember of these customers. That is counted last, as other changes of links count it.
_ANNOUNCED = f"""
    numbered AS (
        UPDATE link_change SET number = number + 1 WHERE (SELECT count(*) FROM moved) > 0 RETURNING number
    ), dropped AS (
        UPDATE link
           SET changed = numbered.number
          FROM numbered
         WHERE object = 'customer'
           AND connection = ANY (ARRAY(SELECT connection FROM moved))
           AND remote_id = ANY (ARRAY(SELECT remote_id FROM moved))
           AND (connection, remote_id) IN (SELECT connection, remote_id FROM moved)
    ), notified AS MATERIALIZED (
        SELECT pg_notify('{CHANNEL}', '') FROM numbered
    )
"""  # noqa: S608 - no caller's text is in it, also below

# Unchanged rows are not written. A first key is announced too, unless the customer is new: some process may remember
# that there is none. Open proposals about a former address are deleted.
PUT_KEYS = Statement(
    "INSERT match_key",
    f"""
    WITH new AS (
        SELECT *
          FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::bytea[]), (SELECT $4::bytea[]),
                      (SELECT $5::boolean[]))
               AS new (connection, remote_id, digest, name, is_staff)
    ), same AS (
        SELECT known.connection, known.remote_id
          FROM new JOIN match_key AS known USING (connection, remote_id)
         WHERE (known.digest, known.name, known.is_staff) = (new.digest, new.name, new.is_staff)
    ), put AS (
        INSERT INTO match_key AS known (connection, remote_id, digest, name, is_staff)
        SELECT connection, remote_id, digest, name, is_staff
          FROM new
         ORDER BY connection, remote_id
            ON CONFLICT (connection, remote_id) DO UPDATE
           SET digest = excluded.digest, name = excluded.name, is_staff = excluded.is_staff, seen_at = now()
         WHERE known.digest <> excluded.digest OR known.name <> excluded.name OR known.is_staff <> excluded.is_staff
            OR known.seen_at < now() - interval '6 days'
        RETURNING connection, remote_id, digest, xmax <> 0 AS was_known
    ), outdated AS (
        DELETE FROM link_review
         WHERE state = 'open' AND id = ANY (ARRAY(
               SELECT review.id
                 FROM ({reviews_of("put AS place")}) AS review
                WHERE {_digest_of("review.connection", "review.remote_id")}
                   <> {_digest_of("review.other_connection", "review.other_remote_id")}))
        RETURNING id
    ), moved AS (
        SELECT put.connection, put.remote_id
          FROM put
          {_link_of("link", "put.connection", "put.remote_id")}
         WHERE CASE WHEN was_known THEN (put.connection, put.remote_id) NOT IN (SELECT connection, remote_id FROM same)
                    ELSE link.changed IS NOT NULL OR link.created_at < now() - interval '1 minute' END
           AND (SELECT count(*) FROM outdated) IS NOT NULL  -- reviews are locked before the counter, as by a split
    ), {_ANNOUNCED}
    SELECT count(*) FROM notified
    """,  # noqa: S608
)

SELECT_AT = Statement(
    "SELECT match_key",
    # Materialised: an index that has the order would be read until three fit.
    """
    WITH same AS MATERIALIZED (
        SELECT remote_id, seen_at FROM match_key WHERE digest = $1 AND connection = $2
    )
    SELECT remote_id FROM same ORDER BY seen_at DESC, remote_id LIMIT $3
    """,
)

# Keys that records with different ids share, fewer than $2 of them.
SELECT_SHARED = Statement(
    "SELECT match_key",
    f"""
    SELECT wanted.digest
      FROM unnest((SELECT $1::bytea[])) AS wanted (digest)
     CROSS JOIN LATERAL (
           SELECT link.canonical_id, link.connection
             FROM match_key AS known
             {_LINK_OF_KEY}
            WHERE known.digest = wanted.digest AND link.merged_into IS NULL
            LIMIT $2) AS sharing
     GROUP BY wanted.digest
    HAVING count(DISTINCT canonical_id) > 1 AND count(DISTINCT connection) > 1 AND count(*) < $2
    """,  # noqa: S608
)

# Serializes the matching of one key. One seed per table, so that locks of different tables never collide.
LOCK = Statement("SELECT match_key", "SELECT pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 20192))")

SELECT_CANDIDATES = Statement(
    "SELECT match_key",
    f"""
    SELECT known.connection, known.remote_id, known.name, known.is_staff, link.canonical_id,
           ARRAY(SELECT one.connection
                   FROM link AS one
                  WHERE one.canonical_id = link.canonical_id AND one.merged_into IS NULL) AS linked
      FROM match_key AS known
      {_LINK_OF_KEY}
     WHERE known.digest = $1 AND link.merged_into IS NULL
     ORDER BY known.connection, known.remote_id
     LIMIT $2
    """,  # noqa: S608
)

# The names of all customers of these ids, those with other addresses too, and whether they are staff.
SELECT_PEOPLE = Statement(
    "SELECT match_key",
    """
    SELECT link.canonical_id, known.name, known.is_staff
      FROM unnest((SELECT $1::text[])) AS wanted (canonical_id)
     CROSS JOIN LATERAL (
           SELECT *
             FROM link
            WHERE link.canonical_id = wanted.canonical_id AND object = 'customer' AND merged_into IS NULL
           OFFSET 0) AS link
     CROSS JOIN LATERAL (
           SELECT name, is_staff
             FROM match_key
            WHERE (connection, remote_id) = (link.connection, link.remote_id)
           OFFSET 0) AS known
    """,
)

# The ids of records that a person has kept apart from a record of this id.
SELECT_REFUSED = Statement(
    "SELECT link_review",
    f"""
    SELECT other.canonical_id
      FROM link AS mine
      JOIN link_review AS review ON (review.connection, review.remote_id) = (mine.connection, mine.remote_id)
      {_link_of("other", "review.other_connection", "review.other_remote_id")}
     WHERE mine.canonical_id = $1 AND review.state = 'refused'
     UNION
    SELECT other.canonical_id
      FROM link AS mine
      JOIN link_review AS review
        ON (review.other_connection, review.other_remote_id) = (mine.connection, mine.remote_id)
      {_link_of("other", "review.connection", "review.remote_id")}
     WHERE mine.canonical_id = $1 AND review.state = 'refused'
    """,  # noqa: S608
)

PROPOSE = Statement(
    "INSERT link_review",
    """
    INSERT INTO link_review AS known (id, connection, remote_id, other_connection, other_remote_id, reasons)
    VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (connection, remote_id, other_connection, other_remote_id) DO UPDATE
       SET reasons = excluded.reasons
     WHERE known.state = 'open' AND known.reasons <> excluded.reasons
    """,
)

_REVIEWS_OF_PLACES = reviews_of("unnest((SELECT $1::text[]), (SELECT $2::text[])) AS place (connection, remote_id)")

ERASE_KEYS = Statement(
    "DELETE match_key",
    f"""
    WITH locked AS (
        SELECT connection, remote_id
          FROM match_key
         WHERE connection = ANY($1) AND remote_id = ANY($2)
           AND (connection, remote_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))
         ORDER BY connection, remote_id
           FOR UPDATE
    ), reviews AS (
        DELETE FROM link_review
         WHERE state = 'open' AND id = ANY (ARRAY(SELECT id FROM ({_REVIEWS_OF_PLACES}) AS review))
           AND (SELECT count(*) FROM locked) IS NOT NULL  -- keys are locked before reviews, as where keys are stored
        RETURNING id
    ), moved AS (
        DELETE FROM match_key
         WHERE connection = ANY($1) AND remote_id = ANY($2)
           AND (connection, remote_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))
           AND (SELECT count(*) FROM reviews) IS NOT NULL  -- reviews are locked before the counter, as by a split
        RETURNING connection, remote_id
    ), {_ANNOUNCED}
    SELECT count(*) FROM notified
    """,  # noqa: S608
)

REVIEW = """
    review.id, review.connection, review.remote_id, review.other_connection, review.other_remote_id, review.reasons,
    review.state, review.created_at, review.closed_at, review.closed_by, one.canonical_id,
    other.canonical_id AS other_canonical_id
"""

# A pair that was joined otherwise needs no decision.
SELECT_OPEN = Statement(
    "SELECT link_review",
    f"""
    SELECT {REVIEW}
      FROM link_review AS review
      {_LINKS_OF_REVIEW}
     WHERE review.state = 'open' AND one.canonical_id <> other.canonical_id
       AND ($1::text IS NULL OR review.id < $1)
     ORDER BY review.id DESC
     LIMIT $2
    """,  # noqa: S608 - constants only, also below
)

SELECT_REVIEW = Statement(
    "SELECT link_review",
    f"SELECT {REVIEW} FROM link_review AS review {_LINKS_OF_REVIEW} WHERE review.id = $1",  # noqa: S608
)

CLOSE = Statement(
    "UPDATE link_review",
    """
    UPDATE link_review SET state = $2, closed_at = now(), closed_by = $3 WHERE id = $1 AND state = 'open'
    """,
)

# A pair that a person has split is not proposed again.
REFUSE = Statement(
    "INSERT link_review",
    """
    INSERT INTO link_review (id, connection, remote_id, other_connection, other_remote_id, reasons, state, closed_at,
                             closed_by)
    VALUES ($1, $2, $3, $4, $5, '{split}', 'refused', now(), $6)
        ON CONFLICT (connection, remote_id, other_connection, other_remote_id) DO UPDATE
       SET state = 'refused', closed_at = now(), closed_by = excluded.closed_by
    """,
)
