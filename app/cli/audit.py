"""`lockstitch audit`: search and verify the audit trail."""

import re
import sys
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from app.audit.models import Anchor, AuditEvent, AuditFilter, Verification
from app.audit.read import list_audit, verify_audit
from app.audit.trail import PostgresAuditTrail
from app.cli.database import with_database
from app.cli.exits import BROKEN, usage
from app.cli.operators import read_time
from app.cli.printing import write_json
from app.cli.tables import table
from app.errors import InvalidField
from app.http.paging import Page
from app.http.plurals import counted
from app.postgres.database import Database

STEP: Final = 20_000

audit = App(name="audit", help="Search the audit trail and verify that it is unchanged.")


@audit.command(name="list")
def list_events(
    *,
    type: str | None = None,
    record: str | None = None,
    actor: str | None = None,
    correlation_id: str | None = None,
    since: str | None = None,
    limit: int = 50,
    json: bool = False,
) -> None:
    """List audit events, newest first.

    Parameters
    ----------
    type
        Only this type, such as `operation.resolved`. `receipt.*` matches every type with that prefix.
    record
        Only events of this subject: a record, an operation (`op_…`), a job, a connection.
    actor
        Only events of this actor: the principal of a key, or `lockstitch`.
    correlation_id
        Only events of this run.
    since
        Only events since this time (RFC 3339), or within this age (90m, 2h, 1d).
    limit
        The maximum number of events.
    json
        Print JSON, like the API.
    """
    which = AuditFilter(
        type=type,
        record=record,
        actor=actor,
        correlation_id=correlation_id,
        since=read_time("--since", since),
    )

    async def read(database: Database) -> Page:
        return await list_audit(PostgresAuditTrail(database), which, before=None, limit=max(1, limit))

    page = with_database(read)
    if json:
        write_json(page)
        return
    Console().print(_table(page.data))
    if page.has_more:
        sys.stderr.write("There are more events: raise --limit.\n")


@audit.command
def verify(
    *,
    from_: Annotated[int, Parameter(name="--from")] = 1,
    anchor: str | None = None,
    json: bool = False,
) -> None:
    """Verify the whole chain. Exits with 4 if it is broken.

    Parameters
    ----------
    from_
        The position to begin at. Earlier events are not verified.
    anchor
        A head stored elsewhere, as POSITION:CHAIN. The chain must contain it.
    json
        Print JSON, like the API.
    """
    kept = None if anchor is None else _anchor(anchor)

    async def walk(database: Database) -> Verification:
        return await _walk(PostgresAuditTrail(database), max(1, from_), kept)

    try:
        found = with_database(walk)
    except InvalidField as wrong:
        usage(f"--{wrong.detail}")
    if json:
        write_json(found)
    else:
        _write_verification(found)
    if not found.intact:
        sys.exit(BROKEN)


async def _walk(trail: PostgresAuditTrail, start: int, anchor: Anchor | None) -> Verification:
    """Verify up to the current head of the chain."""
    head = await trail.head()
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("verifying", total=max(0, head.position - start + 1))
        found = await verify_audit(trail, start=start, at_most=STEP, anchor=anchor)
        verified = found.verified
        progress.update(task, completed=verified)
        while found.intact and found.next_from is not None and found.next_from <= head.position:
            ahead = anchor if anchor is not None and anchor.position >= found.next_from - 1 else None
            found = await verify_audit(trail, start=found.next_from, at_most=STEP, anchor=ahead)
            verified += found.verified
            progress.update(task, completed=verified)
    return msgspec.structs.replace(found, from_position=start, verified=verified)


def _anchor(text: str) -> Anchor:
    match = re.fullmatch(r"([1-9][0-9]{0,17}):([0-9a-f]{64})", text)
    if match is None:
        usage("--anchor: must be POSITION:CHAIN, a head with 64 hexadecimal digits.")
    return Anchor(position=int(match[1]), chain=match[2])


def _write_verification(found: Verification) -> None:
    tail = found.unsealed
    age = "" if tail.oldest_age_seconds is None else f", the oldest {tail.oldest_age_seconds:.1f} s old"
    lines = [
        f"Verified {counted(found.verified, 'event')} from position {found.from_position} on.",
        f"Head of the chain: {found.head.position}:{found.head.chain}",
        f"Not sealed yet: {tail.count}{age}.",
    ]
    if found.first_break is not None:
        broken = found.first_break
        where = "" if broken.position is None else f" at position {broken.position}"
        event = "" if broken.audit_event is None else f", event {broken.audit_event}"
        lines.append(f"BROKEN{where}{event} ({broken.what}): {broken.detail}")
    sys.stdout.write("\n".join(lines) + "\n")


def _table(events: Sequence[AuditEvent]) -> Table:
    shown = table("subject, run, position", "at (UTC), type, actor", "facts")
    for event in events:
        shown.add_row(
            Text(
                f"{event.subject}\n{event.correlation_id or '-'}\n{'-' if event.position is None else event.position}"
            ),
            Text(f"{event.at:%Y-%m-%d %H:%M:%S}\n{event.type}\n{event.actor}"),
            Text(bytes(event.facts).decode()),
        )
    return shown
