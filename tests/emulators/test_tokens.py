"""The emulators' OAuth2 servers: what is issued, what a refresh does to the old tokens, and the faults of tokens."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from msgspec import Struct

from tests.contract.callers import expect

from .conftest import RunningEmulators

REDIRECT = "http://127.0.0.1:9/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


class Server(Struct, frozen=True, kw_only=True):
    """One vendor's server, seen from outside."""

    name: str
    authorize: str
    token: str
    api: str
    header: str = "authorization"
    method: str = "GET"

    def page(self, emulators: RunningEmulators, **more: str) -> httpx.Response:
        parameters = {
            "client_id": f"{self.name}-dev-client",
            "response_type": "code",
            "redirect_uri": REDIRECT,
            "scope": "one two",
            "state": "s-1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **more,
        }
        return emulators.http.get(f"/{self.name}{self.authorize}", params=parameters)

    def code(self, emulators: RunningEmulators) -> str:
        return parse_qs(urlsplit(self.page(emulators).headers["location"]).query)["code"][0]

    def ask(self, emulators: RunningEmulators, grant: str, **more: str) -> httpx.Response:
        client = {"client_id": f"{self.name}-dev-client", "client_secret": f"{self.name}-dev-client-secret"}
        return emulators.http.post(f"/{self.name}{self.token}", data={"grant_type": grant, **client, **more})

    def exchange(self, emulators: RunningEmulators, code: str, **more: str) -> httpx.Response:
        parameters = {"code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER, **more}
        return self.ask(emulators, "authorization_code", **parameters)

    def first(self, emulators: RunningEmulators) -> dict[str, Any]:
        return expect(self.exchange(emulators, self.code(emulators))).json()

    def refresh(self, emulators: RunningEmulators, token: str) -> httpx.Response:
        return self.ask(emulators, "refresh_token", refresh_token=token)

    def call(self, emulators: RunningEmulators, token: str) -> int:
        value = f"Bearer {token}" if self.header == "authorization" else token
        body = {"query": "{ shop { name } }"} if self.method == "POST" else None
        answer = emulators.http.request(self.method, f"/{self.name}{self.api}", headers={self.header: value}, json=body)
        return answer.status_code


HUBSPOT = Server(
    name="hubspot", authorize="/oauth/authorize", token="/oauth/v3/token", api="/crm/v3/owners"
)  # fmt: skip
SALESFORCE = Server(
    name="salesforce",
    authorize="/services/oauth2/authorize",
    token="/services/oauth2/token",
    api="/services/data/v62.0/limits",
)
SHOPIFY = Server(
    name="shopify",
    authorize="/admin/oauth/authorize",
    token="/admin/oauth/access_token",
    api="/admin/api/2026-07/graphql.json",
    header="x-shopify-access-token",
    method="POST",
)
ZENDESK = Server(
    name="zendesk", authorize="/oauth/authorizations/new", token="/oauth/tokens", api="/api/v2/groups"
)  # fmt: skip
every = pytest.mark.parametrize("server", [HUBSPOT, SALESFORCE, SHOPIFY, ZENDESK], ids=lambda server: server.name)


@every
def test_a_code_is_exchanged_once_with_its_verifier(emulators: RunningEmulators, server: Server) -> None:
    location = server.page(emulators).headers["location"]
    assert location.startswith(f"{REDIRECT}?code=")
    assert location.endswith("&state=s-1")
    assert server.exchange(emulators, server.code(emulators), code_verifier="w" * 43).json()["error"] == "invalid_grant"
    code = server.code(emulators)
    issued = server.exchange(emulators, code)
    assert issued.json()["scope"] == "one two"
    assert server.call(emulators, issued.json()["access_token"]) == 200
    assert server.exchange(emulators, code).json()["error"] == "invalid_grant"


@every
def test_a_wrong_client_gets_nothing(emulators: RunningEmulators, server: Server) -> None:
    answer = server.exchange(emulators, server.code(emulators), client_secret="wrong")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@every
def test_access_ends_with_its_time(emulators: RunningEmulators, server: Server) -> None:
    emulators.limit(server.name, token_seconds=0)
    assert server.call(emulators, server.first(emulators)["access_token"]) == 401


@pytest.mark.parametrize("server", [HUBSPOT, SALESFORCE], ids=lambda server: server.name)
def test_kept_refreshes_again_with_the_same_token(emulators: RunningEmulators, server: Server) -> None:
    first = server.first(emulators)
    replies = [server.refresh(emulators, first["refresh_token"]).json() for _ in range(3)]
    assert {reply.get("refresh_token", first["refresh_token"]) for reply in replies} == {first["refresh_token"]}
    tokens = [first["access_token"], *(reply["access_token"] for reply in replies)]
    assert [server.call(emulators, token) for token in tokens] == [200] * 4


def test_until_new_is_used_ends_the_old_at_the_first_use(emulators: RunningEmulators) -> None:
    first = SHOPIFY.first(emulators)
    lost = SHOPIFY.refresh(emulators, first["refresh_token"]).json()
    second = SHOPIFY.refresh(emulators, first["refresh_token"]).json()
    assert SHOPIFY.call(emulators, lost["access_token"]) == 401
    assert SHOPIFY.call(emulators, first["access_token"]) == 200
    assert SHOPIFY.call(emulators, second["access_token"]) == 200
    assert SHOPIFY.call(emulators, first["access_token"]) == 401
    assert SHOPIFY.refresh(emulators, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert SHOPIFY.refresh(emulators, second["refresh_token"]).status_code == 200


def test_gone_ends_the_old_at_once(emulators: RunningEmulators) -> None:
    first = ZENDESK.first(emulators)
    second = ZENDESK.refresh(emulators, first["refresh_token"]).json()
    assert ZENDESK.call(emulators, first["access_token"]) == 401
    assert ZENDESK.refresh(emulators, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert ZENDESK.call(emulators, second["access_token"]) == 200


@pytest.mark.parametrize(
    ("server", "scope"), [(SHOPIFY, "write_customers,write_orders,read_products"), (SALESFORCE, "api")]
)
def test_an_app_acts_for_itself(emulators: RunningEmulators, server: Server, scope: str) -> None:
    issued = server.ask(emulators, "client_credentials").json()
    assert issued["scope"] == scope
    assert "refresh_token" not in issued
    assert server.call(emulators, issued["access_token"]) == 200


@every
def test_a_lost_refresh_has_its_effect(emulators: RunningEmulators, server: Server) -> None:
    first = server.first(emulators)
    emulators.order(vendor=server.name, fault={"kind": "refresh_reply_lost", "delay_ms": 0}, times=1)
    assert server.call(emulators, first["access_token"]) == 200  # it is for the token endpoint only
    with pytest.raises(httpx.TransportError):
        server.refresh(emulators, first["refresh_token"])
    again = server.refresh(emulators, first["refresh_token"])
    assert again.status_code == (400 if server is ZENDESK else 200)


@every
def test_a_token_is_revoked(emulators: RunningEmulators, server: Server) -> None:
    first = server.first(emulators)
    emulators.order(vendor=server.name, fault={"kind": "token_revoked"}, times=1)
    assert server.call(emulators, first["access_token"]) == 401
    emulators.order(vendor=server.name, fault={"kind": "token_revoked"}, times=1)
    assert server.refresh(emulators, first["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_clock_that_runs_ahead_ends_tokens_early(emulators: RunningEmulators) -> None:
    emulators.order(vendor="hubspot", fault={"kind": "clock_skew", "delay_ms": 1_800_000}, times=1)
    early = HUBSPOT.first(emulators)
    assert early["expires_in"] == 1800
    assert HUBSPOT.call(emulators, early["access_token"]) == 401
    again = HUBSPOT.refresh(emulators, early["refresh_token"]).json()
    assert HUBSPOT.call(emulators, again["access_token"]) == 200


def test_a_vendor_without_tokens_has_no_fault_of_tokens(emulators: RunningEmulators) -> None:
    order = {"vendor": "stripe", "fault": {"kind": "token_revoked"}}
    answer = emulators.http.post("/_emulator/faults", json=order)
    assert (answer.status_code, answer.json()["error"]) == (400, "stripe issues no tokens.")
