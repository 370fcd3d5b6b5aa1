"""Credentials of the vault: a change reaches a running client, and a missing one stops only its connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from app.credentials.last_use import LastUse, last_uses
from app.credentials.secrets import NoSecret, Secrets
from app.credentials.store import PostgresCredentials
from app.credentials.vault import Vault
from app.errors import ConnectionPaused, VendorAuthFailed
from app.postgres.cached_table import CachedTables
from app.postgres.database import Database
from app.postgres.listen import Listener
from app.queue.pauses import PostgresPauses
from app.settings.connections import WebhookSecretSettings
from app.vendors.store import PostgresBoundAccounts
from mappings.http import VendorRequest
from mappings.manifest import Identity
from tests.encryption import SEALER
from tests.vendors.acme import READ, REAL_TIME, WRITE, Asker, asking
from tests.vendors.vendor_server import OK, Call, Reply, VendorServer, running_vendor

DAY = timedelta(hours=24)


class Shop:
    """A vendor that accepts one token, and the store of the vault."""

    def __init__(self, server: VendorServer, database: Database) -> None:
        self.server = server
        self.database = database
        self.store = PostgresCredentials(database, SEALER)
        self.vault = Vault(self.store)
        self.uses = LastUse(database)
        self.pauses = PostgresPauses(database)
        self.token = "token-1"
        server.always = self._answer

    def _answer(self, call: Call) -> Reply:
        return OK if call.headers["authorization"] == f"Bearer {self.token}" else Reply(status=401)

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Asker]:
        secrets = Secrets({}, self.vault, self.uses)
        async with asking(
            self.server.url, secrets=secrets, reference="vault:acme", pauses=self.pauses, **REAL_TIME
        ) as acme:
            yield acme

    async def rotate(self, token: str) -> None:
        number, _ = await self.store.set("acme", token.encode())
        await self.store.promote("acme", number, overlap=DAY)
        self.token = token


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    async with running_vendor() as server:
        yield Shop(server, database)


async def test_a_promoted_secret_is_used_by_the_next_request(shop: Shop, database_url: str) -> None:
    await shop.store.set("acme", b"token-1")
    async with CachedTables.open(shop.database, Listener(database_url)) as tables, shop.asking() as acme:
        await tables.keep(shop.vault)
        assert (await acme.send(READ)).status == 200
        await shop.rotate("token-2")
        assert await shop.vault.newer("acme", 1, seconds=30) is not None
        assert (await acme.send(READ)).status == 200
    assert [call.headers["authorization"] for call in shop.server.calls] == ["Bearer token-1", "Bearer token-2"]


async def test_a_process_that_missed_a_rotation_asks_the_vault_before_it_pauses(shop: Shop) -> None:
    await shop.store.set("acme", b"token-1")
    await shop.vault.refresh()  # once, and never again by itself
    async with shop.asking() as acme:
        await acme.send(READ)
        await shop.rotate("token-2")
        replies = await asyncio.gather(*(acme.send(WRITE) for _ in range(4)))
    assert {reply.status for reply in replies} == {200}
    assert "acme" not in shop.pauses.known


async def test_a_missing_secret_pauses_the_connection_and_can_be_set_later(shop: Shop) -> None:
    async with shop.asking() as acme:
        with pytest.raises(VendorAuthFailed) as refused:
            await acme.send(READ)
        assert refused.value.detail == "vault:acme holds no secret: lockstitch secrets set acme."
        with pytest.raises(ConnectionPaused):
            await acme.send(READ)
        assert shop.server.calls == []
        await shop.store.set("acme", b"token-1")
        await shop.vault.refresh()
        await shop.pauses.resume("acme", actor="ada")
        await shop.pauses.refresh()
        assert (await acme.send(READ)).status == 200


async def test_a_process_that_resumes_before_it_saw_the_new_secret_asks_the_vault(shop: Shop) -> None:
    async with shop.asking() as acme:
        with pytest.raises(VendorAuthFailed):
            await acme.send(READ)
        await shop.store.set("acme", b"token-1")
        await shop.pauses.resume("acme", actor="ada")
        await shop.pauses.refresh()
        assert (await acme.send(READ)).status == 200


async def test_a_revoked_secret_is_not_sent_again(shop: Shop) -> None:
    await shop.store.set("acme", b"token-1")
    await shop.vault.refresh()
    async with shop.asking() as acme:
        await acme.send(READ)
        await shop.store.revoke("acme")
        await shop.vault.refresh()
        with pytest.raises(VendorAuthFailed):
            await acme.send(READ)
    assert len(shop.server.calls) == 1


async def test_a_secret_of_another_account_writes_nothing(shop: Shop) -> None:
    """It comes after the account was read, and before the write is sent."""
    portals = {"Bearer token-1": b"111", "Bearer token-2": b"222"}
    shop.server.always = lambda call: Reply(body=portals[call.headers["authorization"]])
    whose = VendorRequest(method="GET", path="/whoami", route="/whoami")
    identity = Identity(request=whose, read=lambda reply: {"portal": reply.body.decode()})
    await shop.store.set("acme", b"token-1")
    await shop.vault.refresh()
    async with asking(
        shop.server.url,
        secrets=Secrets({}, shop.vault),
        reference="vault:acme",
        pauses=shop.pauses,
        bound=PostgresBoundAccounts(shop.database),
        identity=identity,
        **REAL_TIME,
    ) as acme:
        await acme.account()
        assert (await acme.send(WRITE)).status == 200
        await shop.rotate("token-2")
        await shop.vault.refresh()
        with pytest.raises(ConnectionPaused) as paused:
            await acme.send(WRITE)
        assert "portal 222, and belongs to portal 111" in paused.value.detail
    assert shop.server.targets() == ["GET /whoami", "POST /things", "GET /whoami"]


async def test_uses_are_noted_by_version_and_traffic(shop: Shop) -> None:
    await shop.store.set("acme", b"token-1")
    await shop.vault.refresh()
    async with shop.asking() as acme:
        await acme.send(READ)
        await shop.rotate("token-2")
        await acme.send(WRITE)
    await shop.uses.flush()
    uses = [(use.subject, use.part) for use in await last_uses(shop.database)]
    assert uses == [("vault:acme#1", "acme read"), ("vault:acme#2", "acme write")]


async def test_a_token_set_is_no_secret(shop: Shop) -> None:
    await shop.store.replace("acme", b"{}", kind="oauth")
    await shop.vault.refresh()
    secrets = Secrets({}, shop.vault)
    with pytest.raises(NoSecret, match="of kind oauth"):
        secrets.read("vault:acme")
    assert secrets.accepted(WebhookSecretSettings(secret="vault:acme")) == ()


async def test_webhook_secrets_overlap_for_as_long_as_asked(shop: Shop) -> None:
    secrets, settings = Secrets({}, shop.vault), WebhookSecretSettings(secret="vault:acme")
    await shop.store.set("acme", b"one")
    await shop.store.set("acme", b"two")
    await shop.vault.refresh()
    assert [secret.value for secret, _ in secrets.accepted(settings)] == ["one", "two"]
    await shop.store.promote("acme", 2, overlap=DAY)
    await shop.vault.refresh()
    (current, previous) = (secret for secret, _ in secrets.accepted(settings))
    assert (current.value, current.not_after) == ("two", None)
    assert previous.value == "one"
    assert previous.not_after is not None


async def test_one_secret_under_two_names_is_found(shop: Shop) -> None:
    for name, value in (("crm", b"same"), ("shop", b"same"), ("desk", b"another")):
        await shop.store.set(name, value)
    await shop.vault.refresh()
    secrets = Secrets({"CRM": "same", "DESK": "a third"}, shop.vault)
    references = ("vault:crm", "vault:shop", "vault:desk", "vault:none", "env:CRM", "env:DESK", "env:NONE")
    assert secrets.twins(references) == [["env:CRM", "vault:crm", "vault:shop"]]
