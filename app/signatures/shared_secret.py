"""Senders that sign nothing, such as Freshdesk's automation rules: a secret in a header of its own, and a body that an
administrator wrote after our template.

The secret proves that whoever sends knows it. It travels with every request, so it holds only over TLS, and whoever
reads one request can send others: what arrives is a hint to look at the record, and never more than that.
"""

import re
from typing import Final

from msgspec import Raw, Struct

from app.signatures.claim import Claim, Key, Verifier, text_key
from app.signatures.received import ReceivedEvent, dedupe_key, digest, members, moment, record, scalar
from app.signatures.request import Headers, SignatureRefused, SignedRequest, UnusableSecret, required

HEADER: Final = b"x-lockstitch-secret"
SHORTEST: Final = 16
_SECRET: Final = re.compile(rb"[!-~]{%d,255}" % SHORTEST)
"""Visible ASCII: what any form for headers takes and no server on the way changes."""


def _claim(request: SignedRequest) -> Claim:
    shown = required(request.headers, HEADER)
    if not _SECRET.fullmatch(shown):
        raise SignatureRefused("malformed")
    return Claim(content=(), hmacs=(), shown=shown)


def _keys(secret: str) -> tuple[Key, ...]:
    (key,) = text_key(secret)
    if not isinstance(key, bytes) or not _SECRET.fullmatch(key):
        raise UnusableSecret(f"a shared secret is {SHORTEST} to 255 visible ASCII characters without a space")
    return (key,)


SHARED_SECRET: Final = Verifier(claim=_claim, keys=_keys)
"""`X-Lockstitch-Secret`: the secret itself, compared in constant time. Neither body nor time is proven."""


class _Told(Struct, frozen=True, kw_only=True):
    event: Raw = Raw()
    ticket_id: Raw = Raw()
    updated_at: Raw = Raw()


def shared_secret_events(headers: Headers, body: bytes) -> tuple[ReceivedEvent, ...]:
    """The template is `{"event": "ticket.updated", "ticket_id": 1, "updated_at": "…"}`, and more members may follow.

    There is no name of a delivery, so a copy is known by all that the body says. A body that says no time is the same
    event whenever it is the same bytes: two changes of one ticket would pass for one.
    """
    told = members(body, _Told)
    ticket_id, topic, updated_at = (scalar(part) for part in (told.ticket_id, told.event, told.updated_at))
    kind, remote_id = record("ticket", ticket_id)
    received = ReceivedEvent(
        dedupe_key=dedupe_key("shared-secret", ticket_id, topic, updated_at, digest(body)),
        topic=topic,
        occurred_at=moment(updated_at),
        payload=body,
        remote_object=kind,
        remote_id=remote_id,
    )
    return (received,)
