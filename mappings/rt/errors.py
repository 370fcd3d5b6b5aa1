"""Request Tracker's refusals.

An error is `{"message": …}` with its status. But the answer to a change is a list of sentences at status 200, one for
each field that changed **or would not**. A sentence that matches no sentence of a success is a complaint. Sentences are
in the language of the connection's user, so this language must be English. No function here raises, for any bytes.
"""

import re
from typing import Final

from msgspec import Struct

from mappings.http import RefusalKind, VendorRefusal, VendorReply
from mappings.kit.refusals import LONGEST_DETAIL, Refusals, read

REFUSALS: Final = Refusals(vendor="Request Tracker", statuses={409: "rejected"})
NOT_HERE: Final = "no Request Tracker at this address: check the connection's base URL"
_SUCCESS: Final = re.compile(
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
_VALUE_CHANGED: Final = re.compile(r".* (added as a value for|is no longer a value for custom field) [^']*", re.DOTALL)
"""A success that begins with a value, which may read like a complaint. A complaint that quotes such a sentence has an
apostrophe after it."""
_RIGHTS: Final = re.compile(r"permission|may not", re.IGNORECASE)


class _Body(Struct):
    message: str | None = None


def refusal(reply: VendorReply) -> VendorRefusal | None:
    """Return the refusal in a reply, None for a success."""
    if 200 <= reply.status < 300:
        return _complaint(reply)
    kind, message = REFUSALS.kind(reply.status), ((read(reply.body, _Body) or _Body()).message or "").strip()
    if kind == "not_found" and not message:
        kind, message = "not_allowed", NOT_HERE
    return REFUSALS.refusal(reply, kind=kind, detail=message)


def _complaint(reply: VendorReply) -> VendorRefusal | None:
    """Return the complaints of a list of sentences. The detail says how many other parts of the change were made."""
    if reply.body.lstrip()[:1] != b"[":
        return None
    sentences = [one for one in read(reply.body, list[str | None]) or [] if one]
    complaints = [one for one in sentences if not _is_success(one)]
    if not complaints:
        return None
    detail = "; ".join(one.rstrip(".") for one in complaints)[: LONGEST_DETAIL - 100]
    done = len(sentences) - len(complaints)
    if done:
        detail += f" ({done} other part{'s' if done > 1 else ''} of the change {'were' if done > 1 else 'was'} applied)"
    kind: RefusalKind = "not_allowed" if all(_RIGHTS.search(one) for one in complaints) else "rejected"
    return REFUSALS.refusal(reply, kind=kind, detail=detail)


def _is_success(sentence: str) -> bool:
    if _VALUE_CHANGED.fullmatch(sentence):
        return True
    return _COMPLAINT.match(sentence) is None and _SUCCESS.fullmatch(sentence) is not None
