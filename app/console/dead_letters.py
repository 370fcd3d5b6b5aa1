"""Dead letters: by cause, one in full, and many at once."""

from math import isfinite
from typing import Any, Final, get_args
from urllib.parse import urlencode

import msgspec

from app.console.pages import NextPage, View, Visit, action, page
from app.console.store import PostgresSessions
from app.dead_letters import bulk_redrive, decide, inspect
from app.dead_letters.bulk_redrive import RedriveRequest
from app.dead_letters.decide import DiscardOrder, RedriveOrder
from app.dead_letters.deps import DeadLetterDeps
from app.dead_letters.models import DeadLetterFilter, RedriveFilter
from app.dead_letters.views import DeadLetterView
from app.errors import InvalidField, MalformedBody
from app.http.decode_body import decode_patch
from app.http.deps import HttpDeps
from app.http.edge import correlation_of
from app.queue.models import DeadLetterState, DeathCategory
from app.records.deps import RecordDeps
from app.records.side_by_side import read_side_by_side
from app.vendors.connections import OBJECTS
from app.vendors.models import Connections
from canonical.parts import ObjectName

LETTERS: Final = "/console/dead-letters"
REDRIVES: Final = "/console/redrives"
ON_A_PAGE: Final = 50
GROUPED: Final = 10_000
GROUPS: Final = 50
FILTERS: Final = ("connection", "kind", "category", "reason", "path", "correlation_id")
RATE: Final = 20.0
"""Redrives per second, unless the operator says."""


@page(LETTERS)
async def list_letters(visit: Visit) -> View:
    """Show open dead letters by cause, and those that match the filter, newest first."""
    deps, chosen = visit.deps(DeadLetterDeps), _chosen(visit.query)
    state = visit.query.get("state", "open")
    which = decode_patch(msgspec.json.encode({**chosen, "state": state}), DeadLetterFilter)
    listed = await inspect.list_dead_letters(deps, which, after=visit.after("dl_.+"), limit=ON_A_PAGE)
    if not listed.data:
        await inspect.refuse_unknown(deps, visit.deps(Connections), which.connection)
    groups = await deps.dead_letters.groups(which, limit=GROUPS, newest=GROUPED) if state == "open" else []
    following = f"{LETTERS}?{urlencode({**chosen, 'state': state, 'after': listed.next_cursor})}"
    return View(
        "dead_letters.html",
        letters=listed.data,
        groups=groups,
        grouped=sum(group.count for group in groups),
        most=GROUPED,
        rate=RATE,
        chosen=chosen,
        fields={name: chosen.get(name, "") for name in FILTERS},
        state=state,
        states=(*get_args(DeadLetterState), "all"),
        categories=get_args(DeathCategory),
        following=following if listed.has_more else None,
        redrives=(await bulk_redrive.list_redrives(deps, after=None, limit=3)).data,
    )


@page("/console/dead-letters/{id}")
async def show_letter(visit: Visit) -> View:
    """Show one with its payload, attempts and next steps; with `?compare=1` also the vendor's record now."""
    return await _letter_view(visit)


@action("/console/dead-letters/{id}/redrive")
async def redrive_letter(visit: Visit) -> NextPage | View:
    """Redrive one, with the payload of the form if it is another one. Show the form again if that is invalid."""
    letter_id, text = visit.path("id"), visit.form.get("payload")
    try:
        order = RedriveOrder() if text is None else decode_patch(b'{"payload": %b}' % text.encode(), RedriveOrder)
        letter = await decide.redrive_dead_letter(
            visit.deps(DeadLetterDeps), letter_id, order, actor=visit.caller.principal
        )
    except (InvalidField, MalformedBody) as error:
        wrong = "; ".join(f"{one.pointer or 'payload'} {one.detail}" for one in error.errors)
        return await _letter_view(
            visit, status=error.status, text=text, wrong=wrong or error.detail.replace("body", "payload")
        )
    return NextPage(f"{LETTERS}/{letter.id}", "It was redriven. A worker runs it next.")


@action("/console/dead-letters/{id}/discard")
async def discard_letter(visit: Visit) -> NextPage | View:
    """Show what a discard loses; with a reason, discard it."""
    deps, letter_id = visit.deps(DeadLetterDeps), visit.path("id")
    if "because" not in visit.form:
        view = await _letter_view(visit, template="discard.html")
        if view.context["letter"].state != "open":
            raise await inspect.not_open(deps, letter_id)
        return view
    order = decode_patch(msgspec.json.encode({"because": visit.form["because"]}), DiscardOrder)
    letter = await decide.discard_dead_letter(deps, letter_id, order, actor=visit.caller.principal)
    return NextPage(LETTERS, f"{letter.id} was discarded.")


@action(REDRIVES)
async def start_redrive(visit: Visit) -> NextPage | View:
    """Show what a redrive would process; once confirmed, start it."""
    deps, chosen = visit.deps(DeadLetterDeps), _chosen(visit.form)
    rate = visit.form.get("rate") or None
    try:
        pace = None if rate is None else float(rate)
    except ValueError as error:
        raise InvalidField.of("rate", "is no number") from error
    if pace is not None and not isfinite(pace):  # JSON has no such number: it would become null, which is no limit
        raise InvalidField.of("rate", "is no number")
    fields = {"filter": chosen, "rate_per_second": pace, "dry_run": "confirmed" not in visit.form}
    request = decode_patch(msgspec.json.encode(fields), RedriveRequest)
    await inspect.refuse_unknown(deps, visit.deps(Connections), request.filter.connection)
    if request.dry_run:
        preview = await bulk_redrive.preview_redrive(deps, request, most=GROUPED)
        return View("redrive_preview.html", here=f"{LETTERS}/", preview=preview, most=GROUPED, chosen=chosen, rate=rate)
    started = await bulk_redrive.start_redrive(
        deps, request, actor=visit.caller.principal, correlation_id=correlation_of(visit.request.scope).value
    )
    return NextPage(f"{REDRIVES}/{started.id}", "The redrive began.")


@page("/console/redrives/{id}")
async def show_redrive(visit: Visit) -> View:
    """Show the progress of a redrive. It refreshes itself while that runs."""
    redrive = await bulk_redrive.read_redrive(visit.deps(DeadLetterDeps), visit.path("id"))
    names = await visit.deps(PostgresSessions).names()
    return View("redrive.html", here=f"{LETTERS}/", redrive=redrive, fields=_fields_of(redrive.filter), names=names)


@action("/console/redrives/{id}/cancel")
async def cancel_redrive(visit: Visit) -> NextPage:
    """Stop a redrive."""
    redrive = await bulk_redrive.cancel_redrive(
        visit.deps(DeadLetterDeps), visit.path("id"), actor=visit.caller.principal
    )
    return NextPage(f"{REDRIVES}/{redrive.id}", "It was cancelled. What it redrove before stays redriven.")


async def _letter_view(visit: Visit, template: str = "dead_letter.html", status: int = 200, **more: Any) -> View:
    deps, trace_url = visit.deps(DeadLetterDeps), visit.deps(HttpDeps).trace_url
    letter = await inspect.read_dead_letter(deps, visit.path("id"), trace_url=trace_url)
    record = _record_of(letter)
    compared = None
    if record is not None and "compare" in visit.query:
        compared = await read_side_by_side(visit.deps(RecordDeps), letter.connection, *record)
    is_over = letter.decision is None or any(
        one.outcome in ("done", "dead") and one.started_at >= letter.decision.at for one in letter.history
    )
    is_live = letter.state == "redriven" and compared is None and not is_over
    context = {"text": None, "wrong": None, **more}
    return View(
        template,
        status=status,
        here=f"{LETTERS}/",
        letter=letter,
        is_live=is_live,
        record=record,
        compared=compared,
        **context,
    )


def _record_of(letter: DeadLetterView) -> tuple[ObjectName, str] | None:
    """Return object and id of the vendor's record that the work concerns, by the order key. None if it names none."""
    name, _, remote_id = (letter.record or "").removeprefix("write:").partition(":")
    if name not in OBJECTS or not remote_id or ":" in remote_id:
        return None
    return name, remote_id


def _chosen(sent: dict[str, str]) -> dict[str, str]:
    return {name: sent[name] for name in FILTERS if sent.get(name)}


def _fields_of(which: RedriveFilter) -> dict[str, str]:
    every = msgspec.to_builtins(which)
    return {name: str(value) for name, value in every.items() if value is not None}
