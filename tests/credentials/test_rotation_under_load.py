"""Rotate a vendor key, a client secret, an inbound secret, a caller's key and the encryption key under 100 requests a
second: no call fails, a wrong secret is never promoted, and no secret is left in anything that the process writes.

`LOCKSTITCH_ROTATION_PER_SECOND` sets another rate; `make test-long` uses 200.
"""

import asyncio
import base64
import json
import os
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import groupby
from urllib.parse import parse_qs

import asyncpg
import pytest

from app.api_keys.store import PostgresKeys
from app.postgres.database import Database
from tests.closing import async_closing
from tests.contract.otlp import Collector
from tests.contract.processes import Process
from tests.credentials.rotation_load import (
    CLIENT_SECRETS,
    CLIENT_TOKEN_SECONDS,
    HOOKS,
    NEW,
    OLD,
    PER_SECOND,
    SCOPES,
    TOKENS,
    WAIT_SECONDS,
    Crm,
    Load,
    Operator,
    process,
    until,
    until_accepted,
)
from tests.emulators.conftest import RunningEmulators
from tests.vendors.vendor_server import running_vendor


@dataclass
class Outcome:
    """What happened, and everything that was left behind."""

    load: Load
    crm: Crm
    commands: list[subprocess.CompletedProcess[str]]
    after_rollback: str = ""
    client_secrets: list[str] = field(default_factory=list)
    """Those with which the shop was asked for tokens, oldest first."""
    key_ids: int = 0
    usage: str = ""
    left: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
async def outcome(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> AsyncIterator[Outcome]:
    """An API under load, while each secret is rotated."""
    collector, crm = Collector(), Crm(valid={TOKENS[0]})
    emulators = RunningEmulators(tmp_path_factory.mktemp("emulators"))
    emulators.start()
    emulators.limit("shopify", token_seconds=CLIENT_TOKEN_SECONDS)
    async with running_vendor(crm.answer) as vendor:
        folder = tmp_path_factory.mktemp("load")
        api, rekeyed = (
            process(folder, module_database_url, vendor, emulators, collector, keys)
            for keys in (f"{OLD},{NEW}", f"{NEW},{OLD}")
        )
        operator = Operator(api.environment)
        await operator("secrets", "set", "crm_token", value=TOKENS[0])
        await operator("secrets", "set", "hook", value=HOOKS[0])
        await operator("secrets", "set", "shop_secret", value=CLIENT_SECRETS[0])
        key = await operator("key", "create", "n8n", *SCOPES)
        await asyncio.to_thread(api.start)
        load, stop = Load(api.url, key), asyncio.Event()
        running = asyncio.create_task(load.run(stop))
        result = Outcome(load=load, crm=crm, commands=operator.commands)
        try:
            await until(lambda: crm.calls[TOKENS[0]] > PER_SECOND)
            await rotate_vendor_key(operator, crm)
            await rotate_client_secret(operator, emulators)
            await rotate_inbound_secret(operator, load)
            await rotate_caller_key(operator, load)
            await rotate_encryption_key(operator, load, api, rekeyed)
            crm.valid.add(TOKENS[0])
            await operator("secrets", "rollback", "crm_token")
            await until(lambda: crm.latest == TOKENS[0])
            result.after_rollback = crm.latest
            result.left["the metrics"] = await load.metrics()
        finally:
            stop.set()
            await running
            for each in (api, rekeyed):
                await asyncio.to_thread(each.stop)
        result.client_secrets = token_requests(emulators)
        result.usage = await operator("key", "usage", "--json")
        database = await Database.connect(module_database_url, max_size=1)
        result.key_ids = len(await PostgresKeys(database).list())
        await database.close()
        result.left |= {
            "the log": api.log + rekeyed.log,
            "the spans": b"".join(collector.bodies).decode("latin-1"),
            "the answers": "\n".join(load.bodies),
            "the commands": "\n".join(
                f"{one.stdout}\n{one.stderr}"
                for one in result.commands
                if one.args[:2] not in (("key", "create"), ("key", "rotate"))
            ),
            "the database": await dump(module_database_url),
        }
    yield result
    collector.close()
    emulators.close()


async def rotate_vendor_key(operator: Operator, crm: Crm) -> None:
    """The vendor drops the old key once it is no longer used. Then somebody tries one that the vendor does not know."""
    crm.valid.add(TOKENS[1])
    await operator("secrets", "rotate", "crm_token", value=TOKENS[1])
    await until(lambda: crm.latest == TOKENS[1])
    last = crm.calls[TOKENS[1]]
    await until(lambda: crm.calls[TOKENS[1]] > last + PER_SECOND)
    crm.valid.discard(TOKENS[0])
    await operator("secrets", "rotate", "crm_token", value=TOKENS[2])


async def rotate_client_secret(operator: Operator, emulators: RunningEmulators) -> None:
    """Tokens last for seconds, so the API asks for new ones all the time. Then somebody tries a secret that the vendor
    does not know, and returns to the first one."""
    await operator("secrets", "rotate", "shop_secret", value=CLIENT_SECRETS[1])
    await until_asked_with(emulators, CLIENT_SECRETS[1])
    await operator("secrets", "rotate", "shop_secret", value=CLIENT_SECRETS[2])
    await operator("secrets", "rollback", "shop_secret")
    await until_asked_with(emulators, CLIENT_SECRETS[0])


async def until_asked_with(emulators: RunningEmulators, secret: str) -> None:
    """Wait until the API has asked the shop twice in a row with this secret: once may be the proof of a rotation."""
    began = len(await asyncio.to_thread(token_requests, emulators))
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            made = await asyncio.to_thread(token_requests, emulators)
            if len(made) >= began + 2 and set(made[-2:]) == {secret}:
                return
            await asyncio.sleep(0.25)


def token_requests(emulators: RunningEmulators) -> list[str]:
    """The client secrets of the shop's token requests, oldest first."""
    calls = [call for call in emulators.calls("shopify") if call["path"] == "/admin/oauth/access_token"]
    return [parse_qs(call["body"])["client_secret"][0] for call in calls]


async def rotate_inbound_secret(operator: Operator, load: Load) -> None:
    """For a while the sender signs with either."""
    await operator("secrets", "rotate", "hook", "--overlap", "1h", value=HOOKS[1])
    await until_accepted(load, HOOKS[1])
    load.hooks = HOOKS
    accepted = load.answers["webhook", 202] + load.answers["webhook", 200]
    await until(lambda: load.answers["webhook", 202] + load.answers["webhook", 200] > accepted + PER_SECOND)
    load.hooks = HOOKS[1:]


async def rotate_caller_key(operator: Operator, load: Load) -> None:
    """For a while the caller uses either."""
    load.keys = [*load.keys, await operator("key", "rotate", "n8n")]
    read = load.answers["read", 200]
    await until(lambda: load.answers["read", 200] > read + PER_SECOND)
    load.keys = load.keys[1:]


async def rotate_encryption_key(operator: Operator, load: Load, old: Process, new: Process) -> None:
    """A process that writes with the new key takes over; then everything is sealed again."""
    await asyncio.to_thread(new.start)
    await load.move(new.url)
    await asyncio.to_thread(old.stop)
    operator.environment = new.environment
    rotated = json.loads(await operator("secrets", "rotate-key", "--json"))
    assert (rotated["left"], rotated["droppable"]) == (0, ["k1"])


async def dump(url: str) -> str:
    """Every row of every table as text."""
    async with async_closing(asyncpg.connect(url)) as connection:
        names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [
            row["line"]
            for name in names
            for row in await connection.fetch(f'SELECT each::text AS line FROM "{name["tablename"]}" AS each')  # noqa: S608
        ]
    return "\n".join(rows)


async def test_no_call_fails_while_everything_is_rotated(outcome: Outcome) -> None:
    failed = {what: count for what, count in outcome.load.answers.items() if what[1] >= 300 and "early" not in what[0]}
    assert failed == {}, outcome.load.bodies[-1]
    assert outcome.load.answers["read", 200] > 3 * PER_SECOND
    if "LOCKSTITCH_ROTATION_PER_SECOND" in os.environ:  # beside other tests, a small machine sends less
        assert outcome.load.per_second > PER_SECOND * 0.95
    assert {result.returncode for result in outcome.commands} == {0, 3}


async def test_a_wrong_key_is_tried_once_and_never_promoted(outcome: Outcome) -> None:
    assert set(outcome.crm.refused) == {TOKENS[2]}
    assert outcome.crm.calls[TOKENS[2]] == 0
    refused = [result.stderr for result in outcome.commands if result.returncode == 3]
    assert len(refused) == 2
    assert all("was not promoted" in each for each in refused)


async def test_a_client_secret_is_rotated_and_rolled_back(outcome: Outcome) -> None:
    first, second, wrong = CLIENT_SECRETS
    assert outcome.client_secrets.count(wrong) == 1  # the proof
    used = [secret for secret, _ in groupby(secret for secret in outcome.client_secrets if secret != wrong)]
    assert used == [first, second, first]


async def test_rollback_puts_the_old_key_back_to_work(outcome: Outcome) -> None:
    assert outcome.crm.calls[TOKENS[1]] > PER_SECOND
    assert outcome.after_rollback == TOKENS[0]


async def test_no_secret_is_left_anywhere(outcome: Outcome) -> None:
    for place, text in outcome.left.items():
        assert text, place
        for secret in (*TOKENS, *HOOKS, *CLIENT_SECRETS, *outcome.load.keys):
            for form in (secret, secret.encode().hex(), base64.b64encode(secret.encode()).decode()):
                assert form not in text, f"{place} holds {secret[:12]}…"


async def test_the_uses_of_keys_and_secrets_are_shown(outcome: Outcome) -> None:
    assert outcome.key_ids == 2
    for part in ('"orders:read"', '"vault:crm_token#1"', '"vault:crm_token#2"', '"vault:hook#2"', '"crm read"'):
        assert part in outcome.usage
    assert '"customers:read"' not in outcome.usage  # both keys have used it
    assert '"crm write"' not in outcome.usage
