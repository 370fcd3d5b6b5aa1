"""HTTP operations of the audit trail."""

from typing import Final

from app.audit import read
from app.audit.models import Anchor, AuditEvent, AuditFilter, Verification
from app.audit.trail import PostgresAuditTrail
from app.http.operation import Call, Listing, operation
from app.http.paging import Page
from app.http.parameters import LIMIT, cursor, instant, matching, text

TAG: Final = "Operators"
READ: Final = ("ops:read",)
POSITION: Final = "[1-9][0-9]{0,17}"
# Takes about a second; a longer chain is verified in several calls.
MOST_AT_ONCE: Final = 100_000
FILTERS: Final = (
    matching(
        "type",
        "Only this type; `receipt.*` matches every type with this prefix.",
        "receipt.*",
        r"[a-z_]+\.([a-z_]+|\*)",
        lambda match: match[0],
        otherwise="a type such as receipt.received, or receipt.* for a prefix",
    ),
    text("record", "Only events of this record, operation, job or connection.", "op_0198f0a2b7c47d3c9a51f2e80b6c4d17"),
    text("actor", "Only changes made by this actor.", "lockstitch"),
    text("correlation_id", "Only this run.", "orders-4711-1767225600000", longest=128),
    instant("since", "Only events at or after this time"),
)
CURSOR: Final = cursor(POSITION)
FROM: Final = matching(
    "from",
    "Position at which to begin. Earlier events are not verified.",
    "1",
    POSITION,
    lambda match: int(match[0]),
    otherwise="a position in the chain, 1 for its beginning",
    schema={"type": "integer", "minimum": 1, "default": 1, "examples": [1]},
)
ANCHOR: Final = matching(
    "anchor",
    "An earlier head as POSITION:CHAIN. The chain must have this value at this position.",
    "48119:77efbab93df15cffcbd28dd2a07ae1250a17c41d044d1b7103c7cf99013eb33c",
    f"({POSITION}):([0-9a-f]{{64}})",
    lambda match: Anchor(position=int(match[1]), chain=match[2]),
    otherwise="POSITION:CHAIN, with the 64 hexadecimal digits of an earlier head",
)


@operation(
    "GET",
    "/ops/audit",
    tag=TAG,
    scopes=READ,
    query=(*FILTERS, LIMIT, CURSOR),
    answer=Listing(item=AuditEvent, meaning="A page of audit events."),
)
async def list_audit(call: Call) -> Page:
    """List audit events, newest first.

    Every state change: who made it, in which run, and its position in the chain. Audit events are never deleted.
    """
    position = call.query(CURSOR)
    after = None if position is None else int(position)
    which = call.filter(AuditFilter, FILTERS)
    return await read.list_audit(call.deps(PostgresAuditTrail), which, after=after, limit=call.query(LIMIT))


@operation("GET", "/ops/audit/verify", tag=TAG, scopes=READ, query=(FROM, ANCHOR))
async def verify_audit(call: Call) -> Verification:
    """Verify that the audit trail is unchanged.

    Verifies up to 100,000 events of the chain per call; continue with `next_from`. A broken chain is still a 200: check
    `intact`.
    """
    trail, start, anchor = call.deps(PostgresAuditTrail), call.query(FROM) or 1, call.query(ANCHOR)
    return await read.verify_audit(trail, start=start, at_most=MOST_AT_ONCE, anchor=anchor)
