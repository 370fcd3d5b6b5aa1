"""The comments that have been copied: each goes to a ticket once, however often the ticket is copied."""

from app.postgres.database import Statement, Transaction

INSERT = Statement(
    "INSERT copied_comment",
    """
    INSERT INTO copied_comment (connection, ticket, source, comment)
    VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING
    """,
)


async def note_copied(transaction: Transaction, connection: str, ticket: str, source: str, comment: str) -> bool:
    """Note a comment of the connection `source` that is copied to a ticket. False if it was noted before."""
    return bool(await transaction.execute(INSERT, connection, ticket, source, comment))
