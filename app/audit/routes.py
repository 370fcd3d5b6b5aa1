"""The audit trail: its events, and whether the chain over them holds."""

import re
from typing import Final

from litestar import route

from app.audit.models import Anchor, AuditFilter
from app.audit.read import list_audit, verify_audit
from app.audit.trail import PostgresAuditTrail
from app.http.admission import AnyRequest, admit
from app.http.deps import deps_of
from app.http.query import Query
from app.http.responses import Answered, json_response, page_response

AUDIT_TYPE: Final = re.compile(r"[a-z_]+\.([a-z_]+|\*)")
ANCHOR: Final = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")
POSITION: Final = re.compile(r"[1-9][0-9]{0,17}")
# Takes about a second; a longer chain is walked in several calls.
MOST_AT_ONCE: Final = 100_000


@route("/ops/audit", http_method=["GET"], name="list audit events")
async def list_events(request: AnyRequest) -> Answered:
    """Audit events, newest first, each with its place in the chain."""
    await admit(request, "ops:read")
    query = Query(request, ("type", "record", "actor", "correlation_id", "since", "limit", "cursor"))
    kind = query.text("type")
    if kind is not None and not AUDIT_TYPE.fullmatch(kind):
        query.complain("type", "a type such as receipt.received, or receipt.* for all that begin so")
    which = AuditFilter(
        type=kind,
        record=query.text("record"),
        actor=query.text("actor"),
        correlation_id=query.text("correlation_id", 128),
        since=query.instant("since"),
    )
    limit = query.whole("limit", 1, 250, 50)
    before = _position(query, "cursor", "is not a cursor of this list")
    query.check()
    return page_response(
        request, await list_audit(deps_of(request, PostgresAuditTrail), which, before=before, limit=limit)
    )


@route("/ops/audit/verify", http_method=["GET"], name="verify audit chain")
async def verify(request: AnyRequest) -> Answered:
    """Whether the chain holds; the first break says where and why not."""
    await admit(request, "ops:read")
    query = Query(request, ("from", "anchor"))
    start = _position(query, "from", "a position in the chain, 1 for its beginning")
    anchor = _anchor(query)
    query.check()
    verification = await verify_audit(
        deps_of(request, PostgresAuditTrail), start=start or 1, at_most=MOST_AT_ONCE, anchor=anchor
    )
    return json_response(verification)


def _position(query: Query, name: str, told: str) -> int | None:
    value = query.text(name)
    if value is not None and not POSITION.fullmatch(value):
        query.complain(name, told)
        return None
    return None if value is None else int(value)


def _anchor(query: Query) -> Anchor | None:
    value = query.text("anchor")
    match = None if value is None else ANCHOR.fullmatch(value)
    if value is not None and match is None:
        query.complain("anchor", "POSITION:CHAIN, with the 64 hexadecimal digits of a head that was given out")
    return None if match is None else Anchor(position=int(match[1]), chain=match[2])


HANDLERS: Final = (
    list_events,
    verify,
)
