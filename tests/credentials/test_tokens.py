"""Tokens of vendors with the three kinds of refresh: renewed by one process for all, through kill -9 and lost replies.

The vendors are emulators behind sockets, the database is PostgreSQL.
"""

import asyncio
import logging
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from app.credentials.models import Credential, Version
from app.credentials.token_refresh import MARGIN
from app.credentials.token_set import NeedsAuthorization, TokenSet, read_tokens
from app.credentials.tokens import Tokens
from app.credentials.vault import Vault
from app.errors import VendorThrottled, VendorUnavailable
from app.postgres.database import Database, Statement
from app.settings.reading import read_secret_file
from mappings.registry import VENDORS
from tests.credentials.token_rig import ENDPOINT_SECONDS, PATIENCE, Others, Rig, authorise, rig
from tests.emulators.conftest import RunningEmulators
from tests.required import required
from tests.vendors.vendor_server import Call, Reply, running_vendor

# How long a lease lasts at the rig's endpoint.
LEASE_SECONDS: Final = ENDPOINT_SECONDS + 2 * MARGIN
KINDS: Final = ("hubspot", "shopify", "zendesk")


async def authorised(one: Rig, emulators: RunningEmulators, *, seconds: float = 3600) -> dict[str, Any]:
    """Go through the vendor's page as a browser would, and store what was issued: an access token that lasts so long.
    Returns it. Later ones last an hour."""
    emulators.limit(one.vendor, token_seconds=seconds)
    token = await authorise(one)
    emulators.limit(one.vendor, token_seconds=3600)
    return token


def known_version(one: Rig) -> Version:
    return required(one.vault.current(one.tokens.name))


async def known(one: Rig) -> Credential:
    return (await one.store.read())[one.tokens.name]


def sent_tokens(emulators: RunningEmulators, vendor: str) -> Counter[str]:
    """How often each refresh token was sent to the vendor."""
    path = VENDORS[vendor].grants[-1].token_path
    bodies = [call["body"] for call in emulators.calls(vendor) if call["path"] == path]
    read = [body if isinstance(body, dict) else dict(pair.split("=") for pair in body.split("&")) for body in bodies]
    return Counter(body["refresh_token"] for body in read if "refresh_token" in body)


@pytest.mark.parametrize("vendor", KINDS)
async def test_fifty_expiries_consume_fifty_tokens(
    emulators: RunningEmulators, database: Database, database_url: str, tmp_path: Path, vendor: str
) -> None:
    others = Others(database_url, f"{emulators.url}/{vendor}", vendor, tmp_path)
    async with rig(database_url, f"{emulators.url}/{vendor}", vendor) as one:
        await authorised(one, emulators)
        try:
            for _ in range(4):
                others.start(5)
            path = {"hubspot": "/crm/", "shopify": "/admin/api/", "zendesk": "/api/"}[vendor]
            give_up = time.monotonic() + PATIENCE
            while (version := one.tokens.version or 0) <= 50:
                # It may hit a call that still has an older token. Then the next one ends the present token.
                emulators.order(vendor=vendor, fault={"kind": "token_revoked"}, match={"path": path}, times=1)
                await one.vault.newer(one.tokens.name, version, seconds=0.5)
                assert time.monotonic() < give_up, others.output()
        finally:
            codes = others.stop()
        assert codes == [0] * 4, others.output()
        assert (await known(one)).refused_at is None
        await one.vault.refresh()
        consumed = (one.tokens.version or 0) - 1
    assert consumed >= 50
    sent = sent_tokens(emulators, vendor)
    assert sum(sent.values()) == consumed
    if vendor != "hubspot":  # which keeps one refresh token for ever
        assert set(sent.values()) == {1}


@pytest.mark.parametrize("vendor", KINDS)
@pytest.mark.parametrize("boundary", ["leased", "sent", "replied", "stored"])
async def test_a_refresher_killed_at_each_boundary(
    emulators: RunningEmulators, database: Database, database_url: str, tmp_path: Path, vendor: str, boundary: str
) -> None:
    others = Others(database_url, f"{emulators.url}/{vendor}", vendor, tmp_path)
    async with rig(database_url, f"{emulators.url}/{vendor}", vendor) as one:
        first = await authorised(one, emulators, seconds=0)
        assert others.start(1, boundary).wait(PATIENCE) == -9
        began = time.monotonic()
        if vendor == "zendesk" and boundary in ("sent", "replied"):
            with pytest.raises(NeedsAuthorization, match="the reply to its last refresh was lost"):
                await one.call()
            assert one.tokens.refused is not None
        else:
            assert await one.call() == 200
            assert one.tokens.refused is None
        assert time.monotonic() - began < LEASE_SECONDS / 2  # not only when its lease ends
    sent = sent_tokens(emulators, vendor)[first["refresh_token"]]
    again = boundary == "replied" and vendor != "zendesk"
    assert sent == (2 if again else 0 if (vendor, boundary) == ("zendesk", "sent") else 1)


@pytest.mark.parametrize("vendor", KINDS)
async def test_a_lost_reply(emulators: RunningEmulators, database: Database, database_url: str, vendor: str) -> None:
    async with rig(database_url, f"{emulators.url}/{vendor}", vendor) as one:
        first = await authorised(one, emulators, seconds=0)
        emulators.order(vendor=vendor, fault={"kind": "refresh_reply_lost", "delay_ms": 0}, times=1)
        if vendor == "zendesk":
            for _ in range(3):
                with pytest.raises(NeedsAuthorization):
                    await one.call()
        else:
            assert await one.call() == 200
    assert sent_tokens(emulators, vendor)[first["refresh_token"]] == (1 if vendor == "zendesk" else 2)


@pytest.mark.parametrize("vendor", KINDS)
async def test_a_revoked_grant_needs_a_person(
    emulators: RunningEmulators,
    database: Database,
    database_url: str,
    vendor: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with rig(database_url, f"{emulators.url}/{vendor}", vendor) as one:
        first = await authorised(one, emulators, seconds=0)
        path = one.tokens.grant.token_path
        emulators.order(vendor=vendor, fault={"kind": "token_revoked"}, match={"path": path}, times=1)
        with caplog.at_level(logging.ERROR), pytest.raises(NeedsAuthorization, match="invalid_grant"):
            await one.call()
        (record,) = [each for each in caplog.records if each.name == "lockstitch.credentials"]
        facts = record.__dict__
        assert (facts["connection"], facts["credential"], facts["credential_version"]) == ("crm", "crm.tokens", 1)
        assert facts["vendor_code"] == "invalid_grant"
        assert first["refresh_token"] not in caplog.text
        await authorised(one, emulators)  # a person authorises again
        assert await one.call() == 200


async def test_an_old_401_starts_no_refresh(emulators: RunningEmulators, database: Database, database_url: str) -> None:
    async with (
        rig(database_url, f"{emulators.url}/zendesk", "zendesk") as one,
        rig(database_url, f"{emulators.url}/zendesk", "zendesk") as peer,
    ):
        await authorised(one, emulators)
        await peer.vault.refresh()
        old = one.tokens.header
        assert old[1].partition(" ")[2] not in repr(read_tokens(known_version(one), one.tokens.grant))
        assert await peer.tokens.renewed_since(peer.tokens.header, time.monotonic() + PATIENCE)
        assert await one.tokens.renewed_since(old, time.monotonic() + PATIENCE)
        assert await one.tokens.renewed_since(old, time.monotonic() + PATIENCE)
        assert one.tokens.version == peer.tokens.version == 2
    assert sum(sent_tokens(emulators, "zendesk").values()) == 1


async def test_tokens_are_renewed_ahead_of_their_end(
    emulators: RunningEmulators, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(database_url, f"{emulators.url}/zendesk", "zendesk") as one:
        await authorised(one, emulators)
        assert await one.call() == 200
        assert await one.vault.newer(one.tokens.name, 1, seconds=0.1) is None
        assert one.tokens.stored is not None
        shortly_before = one.tokens.stored.ends_at - 100
        monkeypatch.setattr(time, "time", lambda: shortly_before)
        assert await one.call() == 200
        assert await one.vault.newer(one.tokens.name, 1, seconds=PATIENCE) is not None
        assert one.tokens.version == 2


async def test_a_clock_that_runs_ahead_costs_one_refresh(
    emulators: RunningEmulators, database: Database, database_url: str
) -> None:
    async with rig(database_url, f"{emulators.url}/hubspot", "hubspot") as one:
        emulators.order(vendor="hubspot", fault={"kind": "clock_skew", "delay_ms": 3_600_000}, times=1)
        await authorised(one, emulators)
        assert await one.call() == 200
        assert one.tokens.version == 2


async def test_a_reply_without_a_refresh_token_keeps_the_old_one(
    emulators: RunningEmulators, database: Database, database_url: str
) -> None:
    async with rig(database_url, f"{emulators.url}/salesforce", "salesforce") as one:
        emulators.limit("salesforce", token_seconds=0)
        first = await authorised(one, emulators, seconds=0)
        for _ in range(3):
            emulators.order(
                vendor="salesforce", fault={"kind": "token_revoked"}, match={"path": "/services/data/"}, times=1
            )
            assert await one.call() == 200
    assert sent_tokens(emulators, "salesforce") == {first["refresh_token"]: 3}


async def test_an_app_asks_for_itself(emulators: RunningEmulators, database: Database, database_url: str) -> None:
    async with rig(database_url, f"{emulators.url}/shopify", "shopify", kind="client_credentials") as one:
        assert await one.call() == 200
        assert one.tokens.scope_state().granted == ("read_products", "write_customers", "write_orders")
        assert one.tokens.version == 2  # the first one holds no tokens
        emulators.order(vendor="shopify", fault={"kind": "token_revoked"}, match={"path": "/admin/api/"}, times=1)
        assert await one.call() == 200
        assert one.tokens.version == 3


async def test_tokens_of_another_process_prove_no_secret(
    emulators: RunningEmulators, database: Database, database_url: str
) -> None:
    shop, wrong = f"{emulators.url}/shopify", {"client_id": "shopify-dev-client", "client_secret": "wrong"}
    async with (
        rig(database_url, shop, "shopify", kind="client_credentials") as one,
        rig(database_url, shop, "shopify", kind="client_credentials", secrets=wrong) as proving,
    ):
        assert await one.call() == 200
        current, lease = (await known(one)).current, await one.store.lease(one.tokens.name, seconds=PATIENCE)
        assert current is not None
        await proving.vault.refresh()
        proof = asyncio.create_task(proving.tokens.obtain(time.monotonic() + PATIENCE))
        await asyncio.sleep(0)  # now it waits for the other process
        await one.store.replace(
            one.tokens.name, current.payload, kind="oauth", lease=lease, expires_at=current.expires_at
        )
        with pytest.raises(NeedsAuthorization, match="invalid_client"):
            await proof


async def test_a_login_is_repeated_when_its_session_ends(database_url: str) -> None:
    sessions: list[bytes] = []

    def behave(call: Call) -> Reply:
        if call.target == "/auth/user/emailpass":
            sessions.append(call.body)
            return Reply(body=b'{"token":"session-%d"}' % len(sessions))
        return Reply(status=200 if call.headers["authorization"] == f"Bearer session-{len(sessions)}" else 401)

    secrets = {"email": "ada@example.com", "password": "canary"}
    async with (
        running_vendor(behave) as shop,
        rig(database_url, shop.url, "medusa", kind="login", secrets=secrets) as one,
    ):
        assert [await one.call() for _ in range(2)] == [200, 200]
        sessions.append(b"ended elsewhere")
        assert await one.call() == 200
        assert (await known(one)).kind == "session"
    login = b'{"email":"ada@example.com","password":"canary"}'
    assert sessions == [login, b"ended elsewhere", login]


async def test_a_wrong_client_secret_burns_no_token(
    emulators: RunningEmulators, database: Database, database_url: str
) -> None:
    secrets = {"client_id": "zendesk-dev-client", "client_secret": "zendesk-dev-client-secret"}
    async with rig(database_url, f"{emulators.url}/zendesk", "zendesk", secrets=secrets) as one:
        await authorised(one, emulators, seconds=0)
        secrets["client_secret"] = "wrong"
        with pytest.raises(NeedsAuthorization, match="refuses the client_id, client_secret of crm: invalid_client"):
            await one.call()
        secrets["client_secret"] = "zendesk-dev-client-secret"
        assert await one.call() == 200


async def test_a_client_secret_in_a_file_that_is_being_replaced_burns_no_token(
    emulators: RunningEmulators, database: Database, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text("zendesk-dev-client-secret\n")

    def read() -> dict[str, str]:
        return {"client_id": "zendesk-dev-client", "client_secret": read_secret_file(f"file:{file}")}

    async with rig(database_url, f"{emulators.url}/zendesk", "zendesk", read_secrets=read) as one:
        first = await authorised(one, emulators, seconds=0)
        file.write_text("")
        asyncio.get_running_loop().call_later(0.3, file.write_text, "zendesk-dev-client-secret")
        assert await one.call() == 200
    assert sent_tokens(emulators, "zendesk") == {first["refresh_token"]: 1}


async def test_a_vendor_that_is_away_costs_nothing(
    emulators: RunningEmulators, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(database_url, f"{emulators.url}/zendesk", "zendesk") as one:
        await authorised(one, emulators, seconds=0)
        emulators.order(vendor="zendesk", fault={"kind": "status", "status": 429, "retry_after": 30}, times=1)
        with pytest.raises(VendorThrottled):
            await one.call()
        with pytest.raises(VendorUnavailable):
            await one.call()
        clock = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: clock() + 31)
        assert await one.call() == 200


FORGET_CURRENT: Final = Statement(
    "UPDATE credential_version", "UPDATE credential_version SET payload = '\\x00' WHERE state = 'current'"
)


@pytest.mark.parametrize("gone", ["revoked", "unreadable"])
async def test_tokens_without_a_current_version_need_a_person(
    emulators: RunningEmulators, database: Database, database_url: str, gone: str
) -> None:
    async with rig(database_url, f"{emulators.url}/shopify", "shopify") as one:
        await authorised(one, emulators, seconds=0)
        assert await one.call() == 200  # the previous version stays
        if gone == "revoked":
            await one.store.revoke(one.tokens.name, one.tokens.version or 0)
        else:
            await database.execute(FORGET_CURRENT)
    async with rig(database_url, f"{emulators.url}/shopify", "shopify") as again, asyncio.timeout(30):
        with pytest.raises(NeedsAuthorization, match="lockstitch connect crm"):
            await again.call()


async def test_an_app_replaces_tokens_that_cannot_be_read(
    emulators: RunningEmulators, database: Database, database_url: str
) -> None:
    async with rig(database_url, f"{emulators.url}/shopify", "shopify", kind="client_credentials") as one:
        assert await one.call() == 200
    await database.execute(FORGET_CURRENT)
    async with rig(database_url, f"{emulators.url}/shopify", "shopify", kind="client_credentials") as again:
        async with asyncio.timeout(30):
            assert await again.call() == 200


async def test_a_refusal_of_replaced_tokens_stops_nothing(database: Database, database_url: str) -> None:
    """A person authorises again while the old refresh token is on its way."""
    authorised_again = asyncio.Event()

    def behave(call: Call) -> Reply:
        if call.target == "/oauth/tokens":
            return Reply(status=400, body=b'{"error":"invalid_grant"}', until=authorised_again)
        return Reply(status=200 if call.headers["authorization"] == "Bearer new" else 401)

    async with running_vendor(behave) as desk, rig(database_url, desk.url, "zendesk") as one:
        old, new = (
            msgspec.json.encode(TokenSet(access_token=name, refresh_token=f"{name}-refresh")) for name in ("old", "new")
        )
        await one.store.replace(one.tokens.name, old, kind="oauth")
        await one.vault.refresh()
        calling = asyncio.create_task(one.call())
        await desk.received(2)
        await one.store.replace(one.tokens.name, new, kind="oauth", cause="credential.authorized")
        authorised_again.set()
        assert await calling == 200


async def test_a_process_that_missed_an_authorisation_asks_the_vault_before_it_refuses(
    emulators: RunningEmulators, database: Database, database_url: str
) -> None:
    async with rig(database_url, f"{emulators.url}/zendesk", "zendesk") as one:
        token = await authorised(one, emulators)
        late = Tokens(
            *(one.tokens.grant, one.tokens.endpoint, Vault(one.store), one.store),
            *(one.tokens.read_secrets, one.tokens.read_again),
            title="Zendesk",
        )
        await late.ready(time.monotonic() + PATIENCE)
        assert late.header == ("Authorization", f"Bearer {token['access_token']}")


async def test_an_authorisation_can_be_rolled_back(
    emulators: RunningEmulators, database: Database, database_url: str
) -> None:
    async with rig(database_url, f"{emulators.url}/zendesk", "zendesk") as one:
        first = await authorised(one, emulators)
        await authorised(one, emulators)  # such as for the wrong account
        await one.store.rollback(one.tokens.name)
        await one.vault.refresh()
        assert one.tokens.header == ("Authorization", f"Bearer {first['access_token']}")
        assert await one.call() == 200
