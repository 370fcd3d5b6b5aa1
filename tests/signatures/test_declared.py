"""A vendor's folder declares its scheme as data: nothing about it is written in `app`."""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final

import pytest

from app.signatures import Secret, SignatureRefused, SignedRequest, events_of, verify
from mappings.webhooks import BODY, Envelope, Scheme, Signature, header, member

from .senders import NOW, URL

SECRET: Final = Secret(value="a secret of Deskbell")
ENVELOPE: Final = Envelope(identity=((member("delivery"), BODY),), topic=header("x-deskbell-topic"))
SCHEME: Final = Scheme(
    name="deskbell",
    signature=Signature(
        header="x-deskbell-signature",
        algorithm="sha512",
        encoding="hex",
        label="v0=",
        time="x-deskbell-time",
        signed=("v0:", "time", ":", "body"),
        tolerance=60.0,
    ),
    envelope=ENVELOPE,
)


def request(body: bytes, at: datetime = NOW) -> SignedRequest:
    time = b"%d" % at.timestamp()
    digest = hmac.new(SECRET.value.encode(), b"v0:" + time + b":" + body, hashlib.sha512).hexdigest()
    headers = (
        (b"X-Deskbell-Signature", b"v0=" + digest.encode()),
        (b"X-Deskbell-Time", time),
        (b"X-Deskbell-Topic", b"case.opened"),
    )
    return SignedRequest(method="POST", url=URL, headers=headers, body=body)


def test_a_declared_scheme_is_verified_and_read() -> None:
    sent = request(b'{"delivery": "d-7"}')

    assert verify(SCHEME, sent, (SECRET,), now=NOW) is SECRET
    (event,) = events_of(SCHEME, sent.headers, sent.body)
    assert (event.dedupe_key, event.topic) == ("deskbell:d-7", "case.opened")


@pytest.mark.parametrize("seconds", [-61, 61])
def test_its_tolerance_is_the_declared_one(seconds: int) -> None:
    verify(SCHEME, request(b"{}", NOW + timedelta(seconds=seconds // 2)), (SECRET,), now=NOW)

    with pytest.raises(SignatureRefused, match="stale"):
        verify(SCHEME, request(b"{}", NOW + timedelta(seconds=seconds)), (SECRET,), now=NOW)


def test_another_digest_label_or_body_is_refused() -> None:
    sent = request(b"{}")
    value = sent.headers[0][1]
    for changed, reason in ((value[:-1] + b"g", "malformed"), (b"v1=" + value[3:], "malformed"), (value, "mismatch")):
        body = sent.body if changed != value else b"{} "
        forged = SignedRequest(
            method="POST", url=URL, headers=((b"X-Deskbell-Signature", changed), *sent.headers[1:]), body=body
        )
        with pytest.raises(SignatureRefused, match=reason):
            verify(SCHEME, forged, (SECRET,), now=NOW)


def test_a_repeated_header_that_is_read_is_refused() -> None:
    sent = request(b"{}")
    twice = SignedRequest(method="POST", url=URL, headers=(*sent.headers, (b"x-deskbell-topic", b"x")), body=sent.body)

    with pytest.raises(SignatureRefused, match="duplicate"):
        verify(SCHEME, twice, (SECRET,), now=NOW)


def test_a_time_that_is_not_signed_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match="signed"):
        Signature(header="x-deskbell-signature", time="x-deskbell-time")
    with pytest.raises(TypeError, match="signed"):
        Signature(header="x-deskbell-signature", signed=("time", "body"))
