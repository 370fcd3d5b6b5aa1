"""Grants and scopes in the manifests: what is asked for, how a client authenticates, what a token endpoint answers."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.credentials.token_set import TokenSet, payload_of
from mappings.http import VendorReply
from mappings.registry import VENDORS
from mappings.tokens import Access, Grant, Issued, TokenRefusal, flaw_of, issued, refused
from tests.required import required

SECRETS = {"client_id": "an id", "client_secret": "a:secret/+"}


def reply(code: int, /, **body: object) -> VendorReply:
    return VendorReply(status=code, headers={}, body=msgspec.json.encode(body))


@pytest.mark.parametrize(
    ("vendor", "object_name", "access", "scopes"),
    [
        ("hubspot", "customer", "read", ["crm.objects.contacts.read", "crm.schemas.contacts.read"]),
        ("hubspot", "ticket", "read", ["crm.objects.contacts.read", "tickets"]),
        ("shopify", "order", "read", ["read_customers", "read_orders"]),
        ("shopify", "order", "write", ["read_customers", "read_products", "write_orders"]),
        ("zendesk", "ticket", "read", ["read"]),
        ("zendesk", "ticket", "write", ["read", "tickets:write"]),
        ("zendesk", "customer", "write", ["read", "write"]),
        ("salesforce", "order", "write", ["api"]),
    ],
)
def test_the_least_scopes(vendor: str, object_name: str, access: Access, scopes: list[str]) -> None:
    needed = VENDORS[vendor].scopes.needed({object_name: access})  # type: ignore[dict-item]
    assert list(needed) == scopes


def test_a_scope_that_another_contains_is_not_missing() -> None:
    shopify = VENDORS["shopify"].scopes
    assert shopify.missing(["read_orders", "write_customers"], ["write_orders"]) == ("write_customers",)


def test_every_grant_has_what_it_needs() -> None:
    grants = [(vendor, grant) for vendor in VENDORS.values() for grant in vendor.grants]
    assert {vendor.name for vendor, _ in grants} == {"hubspot", "medusa", "salesforce", "shopify", "zendesk"}
    for vendor, grant in grants:
        assert grant.token_path.startswith("/"), vendor.name
        assert bool(grant.authorize_url) == grant.needs_person
        assert (grant.login is not None) == (grant.kind == "login")
        assert grant.secrets != vendor.auth.secrets


def test_the_client_authenticates_in_the_body_or_the_header() -> None:
    in_body = Grant(kind="authorization_code", token_path="/t").refresh_request(SECRETS, "r")
    assert parse_qs((in_body.body or b"").decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["r"],
        "client_id": ["an id"],
        "client_secret": ["a:secret/+"],
    }
    basic = Grant(kind="authorization_code", token_path="/t", client="basic").refresh_request(SECRETS, "r")
    assert b"secret" not in (basic.body or b"")
    assert dict(basic.headers) == {"Authorization": f"Basic {b64encode(b'an%20id:a%3Asecret%2F%2B').decode()}"}


def test_zendesk_is_sent_json() -> None:
    sent = VENDORS["zendesk"].grants[0].code_request(SECRETS, "c", "https://l.example/cb", "v")
    assert sent.content_type == "application/json"
    body = msgspec.json.decode(sent.body or b"")
    assert (body["code_verifier"], body["expires_in"]) == ("v", 86_400)


@pytest.mark.parametrize(
    ("base_url", "page"),
    [
        ("https://api.hubapi.com", "https://app.hubspot.com/oauth/authorize"),
        ("http://127.0.0.1:8090/hubspot", "http://127.0.0.1:8090/hubspot/oauth/authorize"),
    ],
)
def test_the_page_of_an_emulator_is_below_its_base_url(base_url: str, page: str) -> None:
    grant = VENDORS["hubspot"].grants[0]
    elsewhere = base_url != VENDORS["hubspot"].default_base_url
    url = urlsplit(grant.authorize_page(base_url, SECRETS, {"scope": "a b"}, elsewhere=elsewhere))
    assert f"{url.scheme}://{url.netloc}{url.path}" == page
    assert url.query == "response_type=code&client_id=an%20id&scope=a%20b"


def test_replies_of_token_endpoints() -> None:
    assert issued(reply(200, access_token="a", expires_in="3600", scope="x,y")) == Issued(
        access_token="a", expires_in=3600.0, scopes=("x", "y")
    )
    assert issued(reply(200, access_token="a", scopes=["x"])) == Issued(access_token="a", scopes=("x",))
    assert issued(reply(200, token="a")) is None
    assert issued(VendorReply(status=200, headers={}, body=b"<html>")) is None
    assert refused(reply(400, error="invalid_grant")) == TokenRefusal(code="invalid_grant", invalid_grant=True)
    assert refused(reply(400, status="BAD_REFRESH_TOKEN")) == TokenRefusal(code="BAD_REFRESH_TOKEN", invalid_grant=True)
    assert refused(reply(401, error="invalid_client")) == TokenRefusal(code="invalid_client", invalid_grant=False)
    assert refused(reply(400, error="a sentence with a secret")) == TokenRefusal(code="status_400", invalid_grant=False)
    assert refused(VendorReply(status=403, headers={}, body=b"<html>")) is None


@pytest.mark.parametrize(
    ("flaw", "members"),
    [
        ("access_token", {"access_token": "a\r\nX-Admin: true"}),
        ("access_token", {"access_token": "a\x00b"}),
        ("access_token", {"access_token": "a b"}),
        ("access_token", {"access_token": "\N{LATIN SMALL LETTER A WITH DIAERESIS}"}),
        ("access_token", {"access_token": "a" * 16_385}),
        ("refresh_token", {"refresh_token": "r\n"}),
        ("expires_in", {"expires_in": -1}),
        ("expires_in", {"expires_in": 1e18}),
        ("expires_in", {"expires_in": "nan"}),
        ("expires_in", {"expires_in": "inf"}),
        ("scope", {"scopes": ["read\nwrite"]}),
    ],
)
def test_an_answer_that_cannot_be_used_has_a_flaw_without_its_value(flaw: str, members: dict[str, Any]) -> None:
    tokens = issued(reply(200, **{"access_token": "good", **members}))
    if tokens is None:  # not even a number
        return
    sentence = required(flaw_of(tokens))
    assert sentence.startswith(flaw)
    assert str(next(iter(members.values()))) not in sentence


@given(
    access=st.text(max_size=20),
    refresh=st.none() | st.text(min_size=1, max_size=20),
    seconds=st.none() | st.floats() | st.integers(-(10**19), 10**19),
)
def test_what_has_no_flaw_makes_a_header_and_a_time(access: str, refresh: str | None, seconds: float | None) -> None:
    tokens = Issued(access_token=access, refresh_token=refresh, expires_in=seconds)
    if flaw_of(tokens) is not None:
        return
    began = datetime(2026, 11, 30, tzinfo=UTC)
    payload, ends_at = payload_of(tokens, TokenSet(), began, VENDORS["hubspot"].grants[0], ())
    assert ends_at is None or ends_at >= began
    kept = msgspec.json.decode(payload, type=TokenSet)
    for token in (kept.access_token, kept.refresh_token or "x"):
        httpx.Headers({"authorization": f"Bearer {token}"}).raw[0][1].decode("ascii")
        assert token.isprintable()
        assert token.strip() == token != ""


def test_the_login_of_medusa() -> None:
    grant = VENDORS["medusa"].grants[0]
    sent = grant.own_request({"email": "a@example.com", "password": "p"}, ())
    assert (sent.path, sent.body) == ("/auth/user/emailpass", b'{"email":"a@example.com","password":"p"}')
    assert grant.read(reply(200, token="jwt")) == Issued(access_token="jwt")
    assert grant.read(reply(200)) is None


def test_the_text_of_a_request_or_reply_shows_no_secret() -> None:
    """A traceback or a log line may hold it."""
    (grant,) = VENDORS["zendesk"].grants
    request = grant.refresh_request(SECRETS, "a-refresh-token")
    answer = reply(200, access_token="an-access-token")
    searched = msgspec.structs.replace(request, query=(("email", "ann@example.com"),), headers=(("X-Key", "a-key"),))
    assert repr(request) == "VendorRequest(POST /oauth/tokens)"
    assert repr(searched) == "VendorRequest(POST /oauth/tokens?email)"
    assert repr(answer) == "VendorReply(status=200)"
