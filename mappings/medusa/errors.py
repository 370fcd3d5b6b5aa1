"""Refusals of Medusa.

Seen on 2.21, and in its source (`error-handler.js`): `{"type", "message", "code"?}`. The status follows from the type.
There is no type if an API key opens nothing. A second customer with an e-mail address is `invalid_data` with a
sentence. An unknown path is answered with HTML. Medusa has no rate limit and no request ids; a proxy may answer 429.
"""

import re
from typing import Any, Final

from msgspec import Struct

from mappings.http import VendorRefusal, VendorReply
from mappings.kit import refusals
from mappings.kit.refusals import LONGEST_DETAIL, Refusals

REFUSALS: Final = Refusals(
    vendor="the Admin API",
    statuses={405: "not_allowed", 409: "unavailable", 410: "rejected", 412: "rejected"},
    codes={
        "unauthorized": "auth",
        "forbidden": "not_allowed",
        "not_found": "not_found",
        "duplicate_error": "duplicate",
        "conflict": "unavailable",  # with another request at the same time
        "QueryRunnerAlreadyReleasedError": "unavailable",
        "TransactionAlreadyStartedError": "unavailable",
        "TransactionNotStartedError": "unavailable",
    },
    hint="is base_url the address of the Medusa server, without a path?",
)
ALREADY: Final = re.compile(r"already exists\.?\s*$")
_FIELD: Final = re.compile(r"(?:for field|[Ff]ield) '([^']{1,200})'")
_UNRECOGNISED: Final = re.compile(r"Unrecognized fields: ('[^']{1,200}'(?:, '[^']{1,200}')*)")


class _Complaint(Struct, frozen=True, kw_only=True):
    type: Any = None
    code: Any = None
    message: Any = None


def refusal(reply: VendorReply) -> VendorRefusal | None:
    """Return the refusal in a reply, None for a success. With an HTML page the effect of the request is unknown."""
    if not refusals.is_json(reply.body):
        return None if reply.status == 204 and not reply.body else REFUSALS.page(reply)
    if 200 <= reply.status < 300:
        return None
    complaint = refusals.read(reply.body, _Complaint) or _Complaint()
    code, message = refusals.text(complaint.type), refusals.text(complaint.message)
    is_duplicate = code == "invalid_data" and ALREADY.search(message or "")
    return REFUSALS.refusal(
        reply,
        kind="duplicate" if is_duplicate else REFUSALS.kind(reply.status, code),
        code=code or refusals.text(complaint.code),
        detail=message,
        fields=_fields(message or ""),
    )


def _fields(message: str) -> tuple[tuple[str, str], ...]:
    """Return the members of a body that the message names."""
    detail = message[:LONGEST_DETAIL]
    names = _FIELD.findall(detail)
    for several in _UNRECOGNISED.findall(detail):
        names += [name.strip("'") for name in several.split(", ")]
    return tuple((name, detail) for name in dict.fromkeys(names))
