"""A sender that signs nothing: the secret in a header proves who sends, and nothing else."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.signatures import Secret, SignatureRefused, UnusableSecret

from .schemes import check_secret, events_of
from .senders import NOW, Sent, event, keys, refusal

SECRET = "rule-4711-Xk0vP2nQ8s"
OTHER = "rule-4712-Xk0vP2nQ8s"
DOCUMENT: dict[str, Any] = {"event": "ticket.updated", "ticket_id": 4711, "updated_at": "2026-11-25T10:29:58Z"}


def rule(body: bytes | None = None, secret: str = SECRET, **members: Any) -> Sent:
    """A request as an automation rule sends it."""
    document = {name: value for name, value in (DOCUMENT | members).items() if value is not ...}
    return Sent(
        scheme="shared-secret",
        headers=((b"Content-Type", b"application/json"), (b"X-Lockstitch-Secret", secret.encode())),
        body=json.dumps(document).encode() if body is None else body,
    )


def proof(case: Sent, *secrets: Secret) -> Secret:
    return case.proven_by(*(secrets or (Secret(value=SECRET),)))


def why(case: Sent) -> str:
    return refusal(case, Secret(value=SECRET))


def test_the_secret_is_what_proves_the_sender() -> None:
    assert proof(rule()).value == SECRET
    assert proof(rule(b"")).value == SECRET
    assert why(rule(secret=OTHER)) == "mismatch"
    assert why(rule(secret=SECRET + "x")) == "mismatch"
    assert why(rule(secret=SECRET[:-1])) == "mismatch"
    assert why(rule(secret=SECRET.swapcase())) == "mismatch"


def test_any_changed_bit_of_the_secret_is_refused() -> None:
    for place in range(len(SECRET)):
        for bit in range(8):
            secret = bytearray(SECRET.encode())
            secret[place] ^= 1 << bit
            assert why(rule().with_header("X-Lockstitch-Secret", bytes(secret))) in ("mismatch", "malformed")


def test_a_secret_that_is_missing_or_there_twice_is_refused() -> None:
    assert why(rule().without("X-Lockstitch-Secret")) == "missing"
    assert why(rule().with_header("X-Lockstitch-Secret", b"")) == "missing"
    assert why(rule().and_header("x-lockstitch-secret", SECRET.encode())) == "duplicate"
    for secret in (b"short", b"with a space in it 1234", b"x" * 256, "schlüssel-schlüssel".encode(), b"\x00" * 20):
        assert why(rule().with_header("X-Lockstitch-Secret", secret)) == "malformed"


def test_two_secrets_overlap_while_one_takes_over() -> None:
    old = Secret(value=SECRET, not_after=NOW + timedelta(hours=1))
    new = Secret(value=OTHER)

    assert proof(rule(), new, old) is old
    assert proof(rule(secret=OTHER), new, old) is new
    with pytest.raises(SignatureRefused, match="inactive"):
        rule().proven_by(new, old, now=NOW + timedelta(hours=2))
    with pytest.raises(SignatureRefused, match="inactive"):
        rule().proven_by(old, now=NOW + timedelta(hours=2))


@pytest.mark.parametrize("value", ["", "short", "fifteen-letters", "with a space inside it", "\ud800" * 20, "ü" * 20])
def test_a_weak_shared_secret_is_refused_when_configured(value: str) -> None:
    with pytest.raises(UnusableSecret) as unusable:
        check_secret("shared-secret", value)

    assert not value or value not in str(unusable.value)
    with pytest.raises(SignatureRefused, match="no-secret"):
        rule().proven_by(Secret(value=value))


def test_the_template_becomes_an_event() -> None:
    received = event(rule())

    assert (received.topic, received.remote_object, received.remote_id) == ("ticket.updated", "ticket", "4711")
    assert received.occurred_at == datetime(2026, 11, 25, 10, 29, 58, tzinfo=UTC)
    assert received.payload == rule().body
    assert received.dedupe_key.startswith("shared-secret")


def test_a_copy_is_known_and_everything_else_is_another_event() -> None:
    others = [
        rule(ticket_id=4712),
        rule(ticket_id="4711"),
        rule(event="ticket.created"),
        rule(updated_at="2026-11-25T10:29:59Z"),
        rule(updated_at=...),
        rule(note="one member more"),
    ]

    assert keys(replace(rule())) == keys(rule())
    assert keys(rule(secret=OTHER)) == keys(rule())
    assert len({event(case).dedupe_key for case in (rule(), *others)}) == 7


def test_a_body_without_a_ticket_names_no_record() -> None:
    for case in (rule(ticket_id=...), rule(ticket_id=None), rule(ticket_id=[1]), rule(b"[]"), rule(b"ticket 5")):
        received = event(case)
        assert (received.remote_object, received.remote_id) == (None, None)


@given(body=st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode)))
def test_no_body_is_an_accident(body: bytes) -> None:
    (received,) = events_of("shared-secret", rule(body).headers, body)

    assert 0 < len(received.dedupe_key) <= 255
    assert received.dedupe_key.isascii()
    assert received.payload == body
    assert proof(rule(body)).value == SECRET
