"""Job kinds: what the queue, its workers and operators know of each kind of job.

Each capability exports its `KINDS`; `wiring` concatenates them. Handlers are bound only in workers, because the API
needs only the policies.
"""

import base64
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from app.dependencies import Dependencies
from app.postgres.database import Transaction
from app.queue.finishing import Handler
from app.queue.models import DeadLetter, JobPolicy, NewJob

Reopen = Callable[[Transaction, Sequence[str], str], Awaitable[None]]


class Shown(Struct, frozen=True, kw_only=True):
    """A payload to show; None if it cannot be shown, and `note` says why."""

    payload: Any
    note: str | None = None


class JobKind(Struct, frozen=True, kw_only=True):
    """One kind of job.

    `bind` makes its handler. `show` replaces references in a payload by their data. `edit` checks an edited payload and
    returns the job's new payload, or raises InvalidField; without it the payload cannot be edited. `reads_again`: the
    payload only names the vendor's record, which every attempt reads. `send_again` returns path, command and advice for
    submitting the same work again. `advise` returns what to do before a redrive, if the kind knows better than the
    category. `abandon` returns the job to enqueue when a dead letter is discarded. `reopen`
    reverts what the death of such jobs decided, by their origins and an actor, in the transaction of the redrive.
    """

    name: str
    policy: JobPolicy
    bind: Callable[[Dependencies], Handler]
    show: Callable[[Dependencies, bytes], Awaitable[Shown]] | None = None
    edit: Callable[[DeadLetter, Raw], bytes] | None = None
    reads_again: bool = False
    advise: Callable[[DeadLetter], str | None] | None = None
    send_again: Callable[[DeadLetter], tuple[str, str, str]] | None = None
    abandon: Callable[[DeadLetter], NewJob | None] | None = None
    reopen: Reopen | None = None


def policies_of(kinds: Iterable[JobKind]) -> Mapping[str, JobPolicy]:
    """Return the policy of each kind by name."""
    return {kind.name: kind.policy for kind in kinds}


def legible(content: bytes) -> Any:
    """Return JSON as it is, other text as a string, and other bytes as base64."""
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            return content.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(content).decode()}
    return msgspec.Raw(content)
