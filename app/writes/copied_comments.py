"""The comments that have been copied: each goes to a ticket once, however often and from wherever it is copied."""

from typing import NamedTuple

from app.postgres.database import Database, Statement, Transaction

INSERT = Statement(
    "INSERT copied_comment",
    """
    INSERT INTO copied_comment (connection, ticket, source, source_ticket, comment, operation)
    VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT DO NOTHING
    """,
)
NAME = Statement("UPDATE copied_comment", "UPDATE copied_comment SET copy = $2 WHERE operation = $1 AND copy IS NULL")
SELECT = Statement(
    "SELECT copied_comment",
    """
    SELECT copy, source, source_ticket, comment
      FROM copied_comment
     WHERE connection = $1 AND ticket = $2 AND copy IS NOT NULL
    """,
)
# Such a comment may be at the vendor already, and its id is not known yet.
SELECT_UNDECIDED = Statement(
    "SELECT copied_comment",
    """
    SELECT true
      FROM copied_comment
      JOIN operation ON operation.id = copied_comment.operation
     WHERE copied_comment.connection = $1 AND ticket = $2 AND copy IS NULL AND phase IN ('sent', 'unknown')
     LIMIT 1
    """,
)


class Original(NamedTuple):
    """A comment that is a copy of none: the connection and the ticket that have it, and its id there."""

    source: str
    ticket: str
    comment: str


async def note_copied(
    transaction: Transaction, connection: str, ticket: str, original: Original, operation: str
) -> bool:
    """Note a comment that an operation copies to a ticket. False if it was noted before."""
    return bool(await transaction.execute(INSERT, connection, ticket, *original, operation))


async def name_copy(transaction: Transaction, operation: str, copy: str) -> None:
    """Note the id of the comment that an operation has added, if it has copied one."""
    await transaction.execute(NAME, operation, copy)


async def originals_in(transaction: Transaction, connection: str, ticket: str) -> dict[str, Original]:
    """Return the original of each comment of a ticket that is a copy, by the id of the copy."""
    rows = await transaction.fetch(SELECT, connection, ticket)
    return {row["copy"]: Original(row["source"], row["source_ticket"], row["comment"]) for row in rows}


async def is_undecided(database: Database, connection: str, ticket: str) -> bool:
    """Return whether a comment that is copied to a ticket may be there, without a known id."""
    return await database.fetch_value(SELECT_UNDECIDED, connection, ticket) is not None
