"""Job kinds: what the queue, its workers and operators know of each kind of job.

Each capability exports its `KINDS`; `wiring` concatenates them. The API needs their policies only, so nothing is bound
before a worker asks.
"""

import base64
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from app.dependencies import Dependencies
from app.postgres.database import Transaction
from app.queue.models import DeadLetter, Handler, JobPolicy, NewJob

Reopen = Callable[[Transaction, Sequence[str], str], Awaitable[None]]


class Shown(Struct, frozen=True, kw_only=True):
    """A payload to show; None where it cannot be shown, and `note` says why."""

    payload: Any
    note: str | None = None


class JobKind(Struct, frozen=True, kw_only=True):
    """One kind of job.

    `bind` makes its handler. `show` makes a payload legible where it only names its data. `edit` checks an edited
    payload and returns what the job is given, and raises InvalidField; without it a kind takes no edited payload.
    `reads_again`: its payload only points to the vendor's record, which each attempt reads anew. `send_again` is path,
    command and advice for bringing the same work in once more. `abandon` is the job that follows when a dead letter of
    this kind is discarded. `reopen` takes back what the death of such jobs decided, by their origins and in the name of
    an actor, in the transaction that redrives them.
    """

    name: str
    policy: JobPolicy
    bind: Callable[[Dependencies], Handler]
    show: Callable[[Dependencies, bytes], Awaitable[Shown]] | None = None
    edit: Callable[[DeadLetter, Raw], bytes] | None = None
    reads_again: bool = False
    send_again: Callable[[DeadLetter], tuple[str, str, str]] | None = None
    abandon: Callable[[DeadLetter], NewJob | None] | None = None
    reopen: Reopen | None = None


def policies_of(kinds: Iterable[JobKind]) -> Mapping[str, JobPolicy]:
    """The policy of each kind, by name."""
    return {kind.name: kind.policy for kind in kinds}


def legible(content: bytes) -> Any:
    """JSON as it is, other text as a string, other bytes in base64."""
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            return content.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(content).decode()}
    return msgspec.Raw(content)
