"""Find and show dead letters, and accept an edited payload."""

from typing import Final

from msgspec import Raw

from app.api_keys.statements import name_of
from app.dead_letters.deps import DeadLetterDeps
from app.dead_letters.models import DeadLetterFilter
from app.dead_letters.views import DeadLetterDetail, attempt_view_of, members_of, view_of
from app.errors import InvalidField, StateConflict
from app.http.by_id import find
from app.http.paging import Page, page_of
from app.postgres.encryption import SealBroken
from app.queue.kinds import Shown, legible
from app.queue.models import NOT_CONNECTIONS, DeadLetter
from app.vendors.models import Connections

SEALED: Final = "It cannot be decrypted: its encryption key is not configured, or the data was changed."


async def list_dead_letters(deps: DeadLetterDeps, which: DeadLetterFilter, *, after: str | None, limit: int) -> Page:
    """List dead letters, newest first. The cursor is the last id of the page."""
    letters = await deps.dead_letters.list(which, after=after, limit=limit + 1)
    return page_of(letters, limit, view_of)


async def _may_have_any(deps: DeadLetterDeps, connection: str | None) -> bool:
    """Return whether the name is of no connection, or there are dead letters of it, decided ones too: it may be a
    connection that was removed."""
    if connection is None or connection.startswith(NOT_CONNECTIONS):
        return True
    return bool(await deps.dead_letters.list(DeadLetterFilter(connection=connection, state="all"), after=None, limit=1))


async def refuse_unknown(deps: DeadLetterDeps, connections: Connections, name: str | None) -> None:
    """Raise InvalidField if a filter names neither a connection nor anything else that has dead letters: finding none
    would look like good news."""
    if name not in connections.by_name and not await _may_have_any(deps, name):
        connections.refuse_unknown(name)


async def read_dead_letter(deps: DeadLetterDeps, dead_letter_id: str, *, trace_url: str | None) -> DeadLetterDetail:
    """Return one with its payload, attempts and next steps. `trace_url` is the template of trace URLs. Raises
    NotFound."""
    from app.dead_letters.advice import next_steps  # noqa: PLC0415 - they import every mapping, which a list does not need
    from app.revisions.mapping_routes import revision_at  # noqa: PLC0415

    letter = await find_letter(deps, dead_letter_id)
    payload = await show_payload(deps, letter)
    attempts = await deps.dead_letters.attempts(letter.job_id)
    revision_now = (
        None if letter.mapping is None else await revision_at(deps.mapping_routes, letter.connection, letter.mapping)
    )
    is_disabled = await deps.subscriptions.is_disabled(letter.connection)
    return DeadLetterDetail(
        **members_of(letter),
        decided_by=None if letter.closed_by is None else await name_of(deps.database, letter.closed_by),
        job_id=letter.job_id,
        dedupe_key=letter.dedupe_key,
        payload=payload.payload,
        payload_note=payload.note,
        editable=letter.state == "open" and is_editable(deps, letter),
        history=[attempt_view_of(attempt, trace_url) for attempt in attempts],
        responsible=list(deps.responsible.get(letter.connection, ())),
        next_steps=next_steps(letter, deps.kinds, revision_now, is_disabled=is_disabled),
    )


async def show_payload(deps: DeadLetterDeps, letter: DeadLetter) -> Shown:
    """Return the payload with the data that it references. Never raises for a payload that cannot be decrypted."""
    try:
        payload = await deps.dead_letters.payload(letter.id)
        if payload is None:
            return Shown(payload=None, note="The dead letter no longer exists.")
        show = deps.show.get(letter.kind)
        return Shown(payload=legible(payload)) if show is None else await show(payload)
    except SealBroken:
        return Shown(payload=None, note=SEALED)


def is_editable(deps: DeadLetterDeps, letter: DeadLetter) -> bool:
    """Return whether its kind accepts an edited payload."""
    kind = deps.kinds.get(letter.kind)
    return kind is not None and kind.edit is not None


def edit_payload(deps: DeadLetterDeps, letter: DeadLetter, sent: Raw) -> bytes:
    """Return the job's new payload. Raises InvalidField if its kind accepts none or it is invalid."""
    kind = deps.kinds.get(letter.kind)
    if kind is None or kind.edit is None:
        raise InvalidField.at("/payload", f"cannot be edited for a job of kind {letter.kind}: omit it")
    return kind.edit(letter, sent)


async def find_letter(deps: DeadLetterDeps, dead_letter_id: str) -> DeadLetter:
    next_step = "GET /ops/dead-letters lists them."
    return await find(deps.dead_letters.get, dead_letter_id, "dead letter", next_step=next_step)


async def not_open(deps: DeadLetterDeps, dead_letter_id: str) -> StateConflict:
    letter = await find_letter(deps, dead_letter_id)
    by = await name_of(deps.database, letter.closed_by)
    return StateConflict(
        f"{letter.id} was already {letter.state} by {by} at {letter.closed_at:%Y-%m-%d %H:%M:%S} UTC.",
        next_step="A job that failed again is another dead letter: GET /ops/dead-letters lists open ones.",
    )
