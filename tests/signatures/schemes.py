"""Every scheme by its name, from the manifests that declare it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from app import signatures
from app.signatures import HandshakeAnswer, ReceivedEvent, Secret, SignedRequest
from app.signatures.claim import Headers
from mappings.registry import schemes
from mappings.webhooks import Scheme

BY_NAME: Final[Mapping[str, Scheme]] = {scheme.name: scheme for scheme in schemes()}


def verify(scheme: str, request: SignedRequest, secrets: tuple[Secret, ...], *, now: datetime) -> Secret:
    return signatures.verify(BY_NAME[scheme], request, secrets, now=now)


def events_of(scheme: str, headers: Headers, body: bytes) -> tuple[ReceivedEvent, ...]:
    return signatures.events_of(BY_NAME[scheme], headers, body)


def check_secret(scheme: str, value: str) -> None:
    signatures.check_secret(BY_NAME[scheme], value)


def handshake(scheme: str, method: str, headers: Headers, body: bytes, *, pending: bool) -> HandshakeAnswer | None:
    return signatures.handshake(BY_NAME[scheme], method, headers, body, pending=pending)
