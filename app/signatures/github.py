"""GitHub: a signature over the body alone; event and delivery are in headers (see `body_signed`)."""

from typing import Final

from app.signatures.body_signed import labelled
from app.signatures.claim import Claim, Verifier, text_key
from app.signatures.received import ReceivedEvent, dedupe_key, digest, header, word
from app.signatures.request import Headers, SignedRequest, required


def _github(request: SignedRequest) -> Claim:
    digest = labelled(required(request.headers, b"x-hub-signature-256"), b"sha256=", 32)
    return Claim(content=(request.body,), hmacs=(digest,))


GITHUB: Final = Verifier(claim=_github, keys=text_key, once=(b"x-github-delivery", b"x-github-event"))
"""`X-Hub-Signature-256: sha256=…`: hex HMAC-SHA256 with the webhook's secret. The older SHA-1 header is ignored."""


def github_events(headers: Headers, body: bytes) -> tuple[ReceivedEvent, ...]:
    """Read a GitHub event. A `ping`, sent on set-up, is an event too. The shape of the body depends on the event."""
    received = ReceivedEvent(
        dedupe_key=dedupe_key("github", header(headers, b"x-github-delivery") or digest(body)),
        topic=word(header(headers, b"x-github-event")),
        occurred_at=None,
        payload=body,
    )
    return (received,)
