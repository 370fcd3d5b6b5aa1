"""SQL text that ends jobs and appends what they found, in one statement with the effects of the caller."""

from typing import Final

from app.audit import record
from app.events import statements as events
from app.links import statements as links
from app.postgres.database import Statement
from app.queue.jobs import FINISH_ARGUMENTS, FINISHED, FINISHING

STATES_AT: Final = FINISH_ARGUMENTS + 1
EVENTS_AT: Final = STATES_AT + len(events.STATE_ARGUMENTS)
NEW_RECORDS_AT: Final = EVENTS_AT + len(events.EVENT_ARGUMENTS)
ENTRIES_AT: Final = NEW_RECORDS_AT + len(links.NEW_RECORD_ARGUMENTS)
EFFECTS_AT: Final = ENTRIES_AT + record.ARGUMENTS
"""The number of the first argument of a caller's own effects."""


def appending(effects: str) -> Statement:
    """Return the statement that deletes jobs, keeps the states of records, links new ones and appends Events, all
    audited, with the further parts `effects` of its WITH, such as `settled AS (…)`.

    After the arguments of `FINISHING` it takes the columns of states, Events, new records and audit entries, then those
    of the effects. It returns a row for each job, with the number of states that are kept, then the rows of
    `events.WANTED`.
    """
    states = events.keep_text(
        events.many_of(events.STATE_ARGUMENTS, first=STATES_AT), source="(SELECT count(*) FROM gone) AS jobs"
    )
    new = events.new_text(
        events.many_of(events.EVENT_ARGUMENTS, first=EVENTS_AT), source="(SELECT count(*) FROM kept) AS states"
    )
    new_records = links.new_record_text(
        events.many_of(links.NEW_RECORD_ARGUMENTS, first=NEW_RECORDS_AT),
        source="(SELECT count(*) FROM kept) AS states",
    )
    # One after the other: jobs, states, Events.
    return Statement(
        "DELETE job",
        f"""
    {FINISHING}, kept AS (
        {states}
    ), {new_records}, new AS (
        {new}
    ), appended AS (
        {events.APPEND}
    ), noted AS (
        {record.insert_text(first=ENTRIES_AT, rows=events.ENTRIES)}
    ), wanted AS (
        {events.WANTED}
    ), {effects}
    SELECT {FINISHED}, (SELECT count(*) FROM kept) AS kept, NULL AS number, NULL AS event_id, NULL AS appended_at,
           NULL AS subscription, NULL AS fields
      FROM gone
     UNION ALL
    SELECT NULL, NULL, NULL, number, event_id, appended_at, subscription, fields
      FROM wanted
     ORDER BY number NULLS FIRST, subscription
    """,  # noqa: S608 - no caller's text is in it
    )
