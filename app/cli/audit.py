"""`lockstitch audit`: search and verify the audit trail."""

import re
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter

from app.audit.models import Anchor, AuditEvent, Verification
from app.audit.read import list_audit, verify_audit
from app.audit.trail import PostgresAuditTrail
from app.cli.commands import declare_list
from app.cli.database import with_database
from app.cli.exits import BROKEN, usage
from app.cli.printing import Json, print_result
from app.cli.progress import Bar
from app.cli.tables import Cells
from app.errors import InvalidField
from app.http.plurals import counted

STEP: Final = 20_000

audit = App(name="audit")
FROM = Parameter(name="--from", help="The position to begin at. Earlier events are not verified.")
ANCHOR = Parameter(help="A head stored elsewhere, as POSITION:CHAIN. The chain must contain it.")


def opened(do: Callable[[PostgresAuditTrail], Awaitable[Any]]) -> Any:
    """Run `do` with the audit trail, which needs no encryption keys."""
    return with_database(lambda database: do(PostgresAuditTrail(database)))


@declare_list(
    audit,
    opened,
    list_audit,
    ("at (UTC), type, position", "subject, actor, run, facts"),
    none="No matching events.",
)
def list_row(event: AuditEvent) -> Cells:
    """List audit events, newest first."""
    position = "-" if event.position is None else event.position
    return (
        f"{event.at:%Y-%m-%d %H:%M:%S}\n{event.type}\n{position}",
        f"{event.subject}\nby {event.actor}\nrun {event.correlation_id or '-'}\n{bytes(event.facts).decode()}",
    )


@audit.command
def verify(
    *, from_: Annotated[int, FROM] = 1, anchor: Annotated[str | None, ANCHOR] = None, json: Json = False
) -> None:
    """Verify the whole chain. Exits with 4 if it is broken."""
    stored = None if anchor is None else _anchor(anchor)
    try:
        verified = opened(lambda trail: _walk(trail, max(1, from_), stored))
    except InvalidField as wrong:
        usage(f"--{wrong.detail}")
    print_result(verified, _sentences(verified), json=json)
    if not verified.intact:
        sys.exit(BROKEN)


async def _walk(trail: PostgresAuditTrail, start: int, anchor: Anchor | None) -> Verification:
    """Verify up to the current head of the chain."""
    head, position, verified = await trail.head(), start, 0
    with Bar("verifying") as bar:
        while True:
            ahead = anchor if anchor is not None and (position == start or anchor.position >= position - 1) else None
            part = await verify_audit(trail, start=position, at_most=STEP, anchor=ahead)
            verified += part.verified
            bar.show(verified, max(0, head.position - start + 1))
            if not part.intact or part.next_from is None or part.next_from > head.position:
                return msgspec.structs.replace(part, from_position=start, verified=verified)
            position = part.next_from


def _anchor(text: str) -> Anchor:
    match = re.fullmatch(r"([1-9][0-9]{0,17}):([0-9a-f]{64})", text)
    if match is None:
        usage("--anchor: must be POSITION:CHAIN, a head with 64 hexadecimal digits.")
    return Anchor(position=int(match[1]), chain=match[2])


def _sentences(state: Verification) -> str:
    tail = state.unsealed
    age = "" if tail.oldest_age_seconds is None else f", the oldest {tail.oldest_age_seconds:.1f} s old"
    lines = [
        f"Verified {counted(state.verified, 'event')} from position {state.from_position} on.",
        f"Head of the chain: {state.head.position}:{state.head.chain}",
        f"Not sealed yet: {tail.count}{age}.",
    ]
    if state.first_break is not None:
        broken = state.first_break
        where = "" if broken.position is None else f" at position {broken.position}"
        event = "" if broken.audit_event is None else f", event {broken.audit_event}"
        lines.append(f"BROKEN{where}{event} ({broken.what}): {broken.detail}")
    return "\n".join(lines)
