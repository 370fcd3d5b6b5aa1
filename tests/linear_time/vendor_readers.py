"""What reads the webhooks and replies of vendors."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from app.queue.kinds import legible
from app.signatures import Secret
from app.webhooks.raw_forwarding import raw_payload
from mappings.http import VendorReply
from mappings.registry import VENDORS
from tests.linear_time.growth import SHORT, Attack
from tests.linear_time.reader import HEADER, Reader, bytes_of
from tests.signatures.bodies import SECRETS
from tests.signatures.schemes import events_of, verify
from tests.signatures.senders import NOW, SCHEMES, sent


def _signed(scheme: Any, name: str) -> Callable[[str], object]:
    """A webhook of this scheme whose header is the text."""
    case, secret = sent(scheme), Secret(value=SECRETS[scheme])

    def read(text: str) -> None:
        changed = case.with_header(name, bytes_of(text))
        events_of(scheme, changed.headers, changed.body)
        verify(scheme, changed.request(), (secret,), now=NOW)

    return read


def _told(scheme: Any) -> Callable[[str], object]:
    return lambda text: events_of(scheme, (), bytes_of(text))


def webhook_readers() -> Iterator[Reader]:
    for scheme in SCHEMES:
        for raw, _ in sent(scheme).headers:
            name = raw.decode()
            yield Reader(name=f"{scheme}: {name}", call=_signed(scheme, name), longest=HEADER, attacks=SIGNATURES)
    for scheme in (*SCHEMES, "shared-secret"):
        yield Reader(name=f"{scheme}: body", call=_told(scheme))
    yield Reader(name="webhook.received", call=lambda text: raw_payload(None, bytes_of(text)))
    yield Reader(name="legible", call=lambda text: legible(bytes_of(text)))


SIGNATURES: Final = (
    Attack("t=1", ",v1=" + "0" * 64),
    Attack("", "v1,A="),
    Attack("", "v1,AAAA "),
    Attack("t=", "t=1,"),
)


def _refusing(vendor: Any, status: int) -> Callable[[str], object]:
    """A vendor's error whose every text is this one, in the forms that errors have."""

    def read(text: str) -> None:
        one = dict.fromkeys(("message", "code", "field", "errorCode", "type", "param", "description", "title"), text)
        several = {"errors": [{**one, "messages": [text], "extensions": one}], "error": one, "details": {"x": [one]}}
        bodies = ({**one, **several}, [{**one, "fields": [text]}], [text])
        for body in (*map(msgspec.json.encode, bodies), bytes_of(text)):
            headers = dict.fromkeys(("retry-after", "sforce-limit-info", "x-ratelimit-remaining", "location"), text)
            reply = VendorReply(status=status, headers=headers, body=body)
            vendor.refusal(reply)
            vendor.budget(reply)

    return read


SENTENCES: Final = tuple(
    Attack(beginning, part)
    for beginning in ("", "Ticket 1: a changed from ")
    for part in ("a to ", " is already a", " added as a value for ", " is no longer a", "already exists ", "Could not ")
)


def _unwrapping(vendor: Any) -> Callable[[str], object]:
    return lambda text: vendor.unwrap(bytes_of(text), vendor.mappings[0].object)


def _identifying(vendor: Any) -> Callable[[str], object]:
    return lambda text: re.fullmatch(vendor.remote_id, vendor.remote_id_form(text))


def _noticing(webhooks: Any) -> Callable[[str], object]:
    return lambda text: webhooks.notice(text, text, text, bytes_of(text))


def vendor_readers() -> Iterator[Reader]:
    for name, vendor in VENDORS.items():
        for status in (200, 400, 429):
            # The text stands in a reply of these some twenty times.
            yield Reader(
                name=f"{name}: {status}",
                call=_refusing(vendor, status),
                longest=HEADER,
                short=SHORT // 4,
                attacks=SENTENCES,
            )
        yield Reader(name=f"{name}: unwrap", call=_unwrapping(vendor))
        yield Reader(name=f"{name}: id", call=_identifying(vendor), longest=HEADER)
        if vendor.webhooks is not None:
            yield Reader(name=f"{name}: notice", call=_noticing(vendor.webhooks))
