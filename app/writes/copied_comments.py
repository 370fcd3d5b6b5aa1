"""The comments that have been copied: each goes to a ticket once, however often and from wherever it is copied."""

from typing import NamedTuple

from app.postgres.database import Statement, Transaction

INSERT = Statement(
    "INSERT copied_comment",
    """
    INSERT INTO copied_comment (connection, ticket, source, comment, operation)
    VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT DO NOTHING
    """,
)
NAME = Statement("UPDATE copied_comment", "UPDATE copied_comment SET copy = $2 WHERE operation = $1 AND copy IS NULL")
SELECT = Statement(
    "SELECT copied_comment",
    """
    SELECT copy, source, comment
      FROM copied_comment
     WHERE connection = $1 AND ticket = $2 AND copy IS NOT NULL
    """,
)


class Original(NamedTuple):
    """A comment that is a copy of none: the connection that has it, and its id there."""

    source: str
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
    return {row["copy"]: Original(row["source"], row["comment"]) for row in rows}
