"""The scheme for senders without signatures, such as Freshdesk's automation rules: a secret in a header.

An administrator writes the body from Lockstitch's template. The secret is sent with every request, so it needs TLS, and
anyone who reads one request can forge others. An event therefore only causes a refetch of the record.
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
"""Visible ASCII, which every settings form accepts and no proxy changes."""


def _claim(request: SignedRequest) -> Claim:
    shown = required(request.headers, HEADER)
    if not _SECRET.fullmatch(shown):
        raise SignatureRefused("malformed")
    return Claim(content=(), hmacs=(), shown=shown)


def _keys(secret: str) -> tuple[Key, ...]:
    (key,) = text_key(secret)
    if not isinstance(key, bytes) or not _SECRET.fullmatch(key):
        raise UnusableSecret(f"a shared secret must have {SHORTEST} to 255 visible ASCII characters and no space")
    return (key,)


SHARED_SECRET: Final = Verifier(claim=_claim, keys=_keys)
"""`X-Lockstitch-Secret`: the secret itself, compared in constant time. Neither body nor time is authenticated."""


class _TemplateBody(Struct, frozen=True, kw_only=True):
    event: Raw = Raw()
    ticket_id: Raw = Raw()
    updated_at: Raw = Raw()


def shared_secret_events(headers: Headers, body: bytes) -> tuple[ReceivedEvent, ...]:
    """Read a body of the template `{"event": "ticket.updated", "ticket_id": 1, "updated_at": "…"}`, plus any members.

    There is no delivery id, so equal bodies are copies of one event. Without `updated_at`, two changes of one ticket
    count as one event.
    """
    sent = members(body, _TemplateBody)
    ticket_id, topic, updated_at = (scalar(part) for part in (sent.ticket_id, sent.event, sent.updated_at))
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
