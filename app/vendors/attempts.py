"""Classify one attempt: nothing sent, no reply, or a refusal that the vendor's manifest finds in the reply."""

import logging
from base64 import b64decode
from codecs import BOM_UTF8
from typing import Final

import msgspec
from msgspec import Struct

from app.egress.exchange import NoReply, NotSent, TooLarge
from app.egress.retry_after import seconds_asked
from app.errors import VendorAuthFailed, VendorDrifted, VendorThrottled, VendorTimeout, VendorUnavailable
from app.problem_document import Problem, VendorSays
from app.vendors.health import LONGEST_PAUSE
from app.vendors.models import CalledConnection, VendorRefused
from mappings.http import Category, VendorRefusal, VendorReply

_log = logging.getLogger("lockstitch.outbound")

# A 303 leads to the result of an effect that has happened; 302 is used in the same way.
DONE_REDIRECTS: Final = (302, 303)
SHORTEST_SECRET: Final = 6


class AttemptFailure(Struct, frozen=True, kw_only=True):
    """An attempt that did not succeed.

    `maybe_done`: a request with an effect may have been carried out. `why` is short and contains no personal data.
    """

    category: Category
    why: str
    maybe_done: bool
    repeatable: bool = False
    alive: bool = False
    """The vendor answered properly, so the failure says nothing about the connection."""
    status: int | None = None
    refusal: VendorRefusal | None = None
    retry_after: float | None = None
    request_id: str | None = None


def not_sent(error: NotSent) -> AttemptFailure:
    """Classify a request that did not reach the vendor."""
    return AttemptFailure(category="transient", why=error.why, maybe_done=False, repeatable=True)


def no_reply(error: NoReply) -> AttemptFailure:
    """Classify a request that was sent and got no usable reply."""
    if isinstance(error, TooLarge):
        return AttemptFailure(category="permanent", why=error.why, maybe_done=True, alive=True)
    return AttemptFailure(category="transient", why=error.why, maybe_done=True, repeatable=True)


def judge(connection: CalledConnection, reply: VendorReply, credential: str) -> AttemptFailure | None:
    """Return the failure in a complete reply to a request with this header, or None for a success."""
    vendor = connection.vendor
    request_id = reply.headers.get(vendor.request_id_header) if vendor.request_id_header else None
    if 300 < reply.status < 400:  # 300 is no redirect: several records match
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
    except Exception as error:  # noqa: BLE001 - any reply must lead to an answer
        _log.warning("%s: a reply cannot be classified", connection.name, exc_info=error)
        return AttemptFailure(
            category="transient", why="unreadable", maybe_done=True, alive=True, status=reply.status,
            request_id=request_id,
        )  # fmt: skip
    if refusal is None and reply.status < 300:
        if not _is_page(reply):
            return None
        detail = f"{vendor.title} sent a page with status {reply.status} instead of an API answer"
        refusal = VendorRefusal(kind="unavailable", detail=f"{detail}: check the connection's base URL")
    if refusal is None:
        refusal = VendorRefusal(
            kind="unavailable" if reply.status >= 500 else "rejected", detail=f"status {reply.status}"
        )
    if refusal.request_id is None and request_id is not None:
        refusal = msgspec.structs.replace(refusal, request_id=request_id)
    return _refused(reply, _without_secrets(refusal, credential))


def _is_page(reply: VendorReply) -> bool:
    """Return whether a proxy or a login page answered, as during maintenance: no vendor's API answers in HTML."""
    media_type = reply.headers.get("content-type", "").lower()
    return media_type.startswith("text/html") and reply.body.removeprefix(BOM_UTF8).lstrip()[:1] == b"<"


def _without_secrets(refusal: VendorRefusal, credential: str) -> VendorRefusal:
    """Remove the credential from the vendor's words: some repeat what they were sent."""
    scheme, _, token = credential.rpartition(" ")
    secrets = [token, *(b64decode(token).decode().split(":", 1) if scheme == "Basic" else ())]

    def hide(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "(secret)") if len(secret) >= SHORTEST_SECRET else text
        return text

    return msgspec.structs.replace(
        refusal,
        code=None if refusal.code is None else hide(refusal.code),
        detail=hide(refusal.detail),
        fields=tuple((hide(name), hide(complaint)) for name, complaint in refusal.fields),
    )


def _refused(reply: VendorReply, refusal: VendorRefusal) -> AttemptFailure:
    transient = refusal.category == "transient"
    # A transient refusal with a 4xx is definite (locked, rolled back). With a 5xx, 408 or 200 it is not, unless the
    # vendor says that it undid everything.
    definite = not transient or refusal.undone or (400 <= reply.status < 500 and reply.status != 408)
    waits = refusal.category in ("transient", "throttle")
    return AttemptFailure(
        category=refusal.category,
        why=f"status {reply.status}",
        maybe_done=not definite,
        repeatable=waits if refusal.retry is None else refusal.retry,
        alive=definite,
        status=reply.status,
        refusal=refusal,
        retry_after=_retry_after(refusal, reply) if waits else None,
        request_id=refusal.request_id,
    )


def _retry_after(refusal: VendorRefusal, reply: VendorReply) -> float | None:
    """Return the seconds that the vendor asks to wait, bounded: lanes, operations and jobs wait for it too."""
    seconds = refusal.retry_after
    if seconds is None:
        seconds = seconds_asked(reply.headers.get("retry-after", ""))
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_PAUSE)


def error_of(failure: AttemptFailure, connection: CalledConnection) -> Problem | VendorRefused:
    """Return the failure as an error for the caller, if nothing was changed."""
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
        return VendorThrottled(f"{title} throttles.", vendor=says, retry_after=failure.retry_after or 1.0)
    if failure.category == "auth":
        return VendorAuthFailed(f"{title} refuses the credential of {connection.name}.", vendor=says)
    if failure.why == "too large":
        return VendorDrifted(
            f"{title}'s answer is larger than the limit of {connection.vendor.response_limit_bytes} bytes.",
            next_step="Request less at once, for example with a smaller limit.",
            vendor=says,
        )
    if failure.category == "transient":
        kind = VendorTimeout if failure.why == "timeout" else VendorUnavailable
        return kind(f"{title} is not available ({failure.why}).", vendor=says, retry_after=failure.retry_after)
    if refusal is None or failure.status is None:
        return VendorUnavailable(
            f"{title} redirects ({failure.why}), and Lockstitch does not follow redirects.",
            next_step="An operator must check the connection's base_url.",
            vendor=says,
        )
    return VendorRefused(connection.name, failure.status, refusal)
