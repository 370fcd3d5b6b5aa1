"""What came of one attempt: nothing sent, no reply, or a reply that the vendor's manifest reads a refusal out of."""

import logging
from typing import Final

import msgspec
from msgspec import Struct

from app.egress.retry_after import seconds_asked
from app.egress.transport import NoReply, NotSent, TooLarge
from app.errors import Problem, VendorAuthFailed, VendorDrifted, VendorThrottled, VendorTimeout, VendorUnavailable
from app.problem_document import VendorSays
from app.vendors.health import LONGEST_PAUSE
from app.vendors.models import CalledConnection, VendorRefused
from mappings.http import Category, VendorRefusal, VendorReply

_log = logging.getLogger("lockstitch.outbound")

# 303 sends the client to the result of what was done, and 302 is used like it.
DONE_REDIRECTS: Final = (302, 303)


class AttemptFailure(Struct, frozen=True, kw_only=True):
    """An attempt that was no success.

    `maybe_done`: a request with an effect may have been carried out. `why` is short and holds no personal data.
    """

    category: Category
    why: str
    maybe_done: bool
    repeatable: bool = False
    alive: bool = False
    """Whether the vendor showed itself at work, so that the failure says nothing about the connection."""
    status: int | None = None
    refusal: VendorRefusal | None = None
    retry_after: float | None = None
    request_id: str | None = None


def not_sent(error: NotSent) -> AttemptFailure:
    """Nobody was reached."""
    return AttemptFailure(category="transient", why=error.why, maybe_done=False, repeatable=True)


def no_reply(error: NoReply) -> AttemptFailure:
    """It went out, and nothing usable came back."""
    if isinstance(error, TooLarge):
        return AttemptFailure(category="permanent", why=error.why, maybe_done=True, alive=True)
    return AttemptFailure(category="transient", why=error.why, maybe_done=True, repeatable=True)


def judge(connection: CalledConnection, reply: VendorReply) -> AttemptFailure | None:
    """The failure in a whole reply, or None for a success."""
    vendor = connection.vendor
    request_id = reply.headers.get(vendor.request_id_header) if vendor.request_id_header else None
    if 300 < reply.status < 400:  # 300 sends nobody anywhere: it says that several records fit
        return AttemptFailure(
            category="permanent",
            why=f"status {reply.status}",
            maybe_done=reply.status in DONE_REDIRECTS,
            alive=True,
            status=reply.status,
            request_id=request_id,
        )
    try:
        refusal = vendor.refusal(reply)
    except Exception as error:  # noqa: BLE001 - whatever a vendor sends, the caller gets an answer
        _log.warning("%s: a reply cannot be judged", connection.name, exc_info=error)
        return AttemptFailure(
            category="transient", why="unreadable", maybe_done=True, alive=True, status=reply.status,
            request_id=request_id,
        )  # fmt: skip
    if refusal is None and reply.status < 300:
        return None
    if refusal is None:
        refusal = VendorRefusal(
            kind="unavailable" if reply.status >= 500 else "rejected", detail=f"status {reply.status}"
        )
    if refusal.request_id is None and request_id is not None:
        refusal = msgspec.structs.replace(refusal, request_id=request_id)
    return _refused(reply, refusal)


def _refused(reply: VendorReply, refusal: VendorRefusal) -> AttemptFailure:
    transient = refusal.category == "transient"
    # "Not available" is a definite no as a 4xx (locked, rolled back); as a 5xx, 408 or inside a 200 it is none, unless
    # the vendor says that it took everything back.
    definite = not transient or refusal.undone or (400 <= reply.status < 500 and reply.status != 408)
    waits = refusal.category in ("transient", "throttle")
    return AttemptFailure(
        category=refusal.category,
        why=f"status {reply.status}",
        maybe_done=not definite,
        repeatable=waits,
        alive=definite,
        status=reply.status,
        refusal=refusal,
        retry_after=_patience(refusal, reply) if waits else None,
        request_id=refusal.request_id,
    )


def _patience(refusal: VendorRefusal, reply: VendorReply) -> float | None:
    """How long the vendor asks to wait, as far as that is believed: lanes, operations and jobs go by it too, and would
    stand still for a slip of the vendor's."""
    asked = refusal.retry_after
    if asked is None:
        asked = seconds_asked(reply.headers.get("retry-after", ""))
    return None if asked is None else min(max(asked, 0.0), LONGEST_PAUSE)


def error_of(failure: AttemptFailure, connection: CalledConnection) -> Problem | VendorRefused:
    """What the failure is to the one who asked, when nothing was changed by it."""
    title = connection.vendor.title
    refusal = failure.refusal
    says = VendorSays(
        connection=connection.name,
        status=failure.status,
        code=None if refusal is None else refusal.code,
        detail=None if refusal is None else refusal.detail,
        request_id=failure.request_id,
    )
    if failure.category == "throttle":
        return VendorThrottled(f"{title} asks for a pause.", vendor=says, retry_after=failure.retry_after or 1.0)
    if failure.category == "auth":
        return VendorAuthFailed(f"{title} refuses the credential of {connection.name}.", vendor=says)
    if failure.why == "too large":
        return VendorDrifted(
            f"{title}'s answer is larger than {connection.vendor.response_limit_bytes} bytes, and is not read.",
            next_step="Ask for less at once, such as a smaller limit.",
            vendor=says,
        )
    if failure.category == "transient":
        kind = VendorTimeout if failure.why == "timeout" else VendorUnavailable
        return kind(f"{title} could not be asked ({failure.why}).", vendor=says, retry_after=failure.retry_after)
    if refusal is None or failure.status is None:
        return VendorUnavailable(
            f"{title} sends us elsewhere ({failure.why}), which is not followed: is the base URL right?",
            next_step="An operator has to check the connection's base_url.",
            vendor=says,
        )
    return VendorRefused(connection.name, failure.status, refusal)
