"""How Request Tracker says no.

An error is `{"message": …}` with its status. But the answer to a change is a list of sentences at status 200, one for
each field that changed **or would not**: what reads like none of the sentences of a success is a complaint. The
sentences are in the language of the connection's user, which therefore has to be English. Nothing in here raises.
"""

import re
from typing import Final

import msgspec
from msgspec import Struct

from mappings.http import Budget, RefusalKind, VendorRefusal, VendorReply

_BY_STATUS: Final[dict[int, RefusalKind]] = {
    401: "auth",
    403: "not_allowed",
    404: "not_found",
    408: "unavailable",
    410: "not_found",
    412: "version_conflict",
    425: "unavailable",
    429: "throttled",
}
_SAYS: Final[dict[RefusalKind, str]] = {
    "unavailable": "the service is not available",
    "throttled": "too many requests",
    "rejected": "the request was refused",
    "auth": "the token was refused",
    "not_found": "no such record",
    "version_conflict": "the record has changed since it was read",
    "not_allowed": "the user does not have this right",
}
MAX_DETAIL: Final = 1000
_DONE: Final = re.compile(
    r"""
      Ticket\ \d+:\ \w+(\ forcibly)?\ changed\ from\ .*\ to\ .*  # a field
    | Ticket\ \d+:\ Ticket\ deleted
    | Ticket\ \d+:\ That\ (is\ already\ the\ current\ value|user\ already\ owns\ that\ ticket)
    | Added\ .*\ as\ \w+\ for\ this\ ticket                    # people
    | .*\ is\ (already\ \w+|no\ longer\ \w+\ for\ this\ ticket)
    | Ticket\ \d+\ (no\ longer\ )?(refers\ to|member\ of)\ .*  # links
    | Link\ (already\ exists|not\ found)                       # as it was wanted
    | .*\ added(\ as\ a\ value\ for\ .*)?                      # custom fields, and messages
    | .*\ changed\ to\ .*
    | .*\ is\ no\ longer\ a\ value\ for\ custom\ field\ .*
    """,
    re.VERBOSE | re.DOTALL,
)
_COMPLAINT: Final = re.compile(r"Could not|Couldn't|Can't|Invalid|No permission|Permission [Dd]enied")
_OF_VALUES: Final = re.compile(r".* (added as a value for|is no longer a value for custom field) [^']*", re.DOTALL)
"""A success that begins with what somebody wrote, which may read like a complaint. One that quotes it has an apostrophe
behind."""
_RIGHTS: Final = re.compile(r"permission|may not", re.IGNORECASE)


class _Body(Struct):
    message: str | None = None


_body = msgspec.json.Decoder(_Body)
_sentences = msgspec.json.Decoder(list[str | None])


def refusal(reply: VendorReply) -> VendorRefusal | None:
    """The refusal in a reply, None for a success."""
    if 200 <= reply.status < 300:
        return _complaint(reply.body)
    kind, told = (
        _BY_STATUS.get(reply.status, "unavailable" if reply.status >= 500 else "rejected"),
        _message(reply.body),
    )
    if kind == "not_found" and told is None:
        kind = "not_allowed"  # it is the API that is not there, and not a record
    told = told or _edge(reply.status) or _SAYS[kind]
    return VendorRefusal(kind=kind, code=None, detail=told[:MAX_DETAIL])


def budget(reply: VendorReply) -> Budget | None:
    """Request Tracker counts nobody's requests."""
    return None


def _complaint(body: bytes) -> VendorRefusal | None:
    """What a list of sentences complains about. What it says beside that was done, and the caller is told so."""
    if body.lstrip()[:1] != b"[":
        return None
    try:
        sentences = [one for one in _sentences.decode(body) if one]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    complaints = [one for one in sentences if not _is_done(one)]
    if not complaints:
        return None
    told = "; ".join(one.rstrip(".") for one in complaints)[: MAX_DETAIL - 100]
    done = len(sentences) - len(complaints)
    if done:
        told += f" ({done} other part{'s' if done > 1 else ''} of the change stand{'' if done > 1 else 's'})"
    kind: RefusalKind = "not_allowed" if all(_RIGHTS.search(one) for one in complaints) else "rejected"
    return VendorRefusal(kind=kind, code=None, detail=told)


def _is_done(sentence: str) -> bool:
    if _OF_VALUES.fullmatch(sentence):
        return True
    return _COMPLAINT.match(sentence) is None and _DONE.fullmatch(sentence) is not None


def _message(body: bytes) -> str | None:
    try:
        told = _body.decode(body).message
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return told.strip() if told else None


def _edge(status: int) -> str | None:
    """What can be said where the answer is no sentence."""
    if 300 <= status < 400:
        return "Request Tracker sends us to another address: check the connection's base URL"
    if status in (404, 410):
        return "there is no Request Tracker at this address: check the connection's base URL"
    return None
