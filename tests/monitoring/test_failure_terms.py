"""What people know of a failure is found in the payloads of the canonical model and of vendors."""

import msgspec
import pytest

from app.links.match_keys import MatchFacts, key_of
from app.monitoring.failure_terms import MOST, digest_of_query, digests_of

SECRET = b"s" * 32


@pytest.mark.parametrize(
    ("payload", "query"),
    [
        ({"number": "#1001", "currency": "EUR"}, "1001"),
        ({"number": "#1001"}, " #1001 "),
        ({"order": {"name": "#1001", "order_number": 1001}}, "1001"),
        ({"payload": {"OrderNumber": "00000107"}}, "00000107"),
        ({"properties": {"hs_external_order_id": "WEB-7-a"}}, "web-7-A"),
        ({"display_id": 12}, "12"),
        ({"emails": [{"address": "Ada.Lee@Example.com"}]}, "ada.lee@example.com"),
        ({"customer": {"email": "ada@bücher.example"}}, "ada@xn--bcher-kva.example"),
        (["ada@example.com", None], "ADA@EXAMPLE.COM"),
    ],
)
def test_an_order_number_or_address_is_found(payload: object, query: str) -> None:
    assert digest_of_query(SECRET, query) in digests_of(SECRET, b"", msgspec.json.encode(payload))


@pytest.mark.parametrize(
    "payload",
    [b"", b"null", b"{", b"\xff", b"1001", b'{"price": "1001"}', b'{"name": "Ada Lee"}', b'{"name": "7 mugs"}'],
)
def test_other_texts_have_no_keys(payload: bytes) -> None:
    assert digests_of(SECRET, payload) == []


def test_keys_are_few_and_depend_on_the_secret() -> None:
    many = msgspec.json.encode([{"number": str(number)} for number in range(1000)])
    assert len(digests_of(SECRET, many)) == MOST
    assert digest_of_query(b"t" * 32, "1001") != digest_of_query(SECRET, "1001")
    assert digest_of_query(SECRET, "ada@example.com") != digest_of_query(SECRET, "ada")


def test_an_address_has_the_digest_of_its_match_key() -> None:
    facts = MatchFacts(connection="crm", remote_id="1", email="ada@example.com")
    assert digest_of_query(SECRET, "Ada@Example.com") == key_of(SECRET, facts).digest
