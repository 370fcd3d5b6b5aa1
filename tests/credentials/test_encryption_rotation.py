"""Encryption keys: every sealed column is known, and is sealed anew while others read and write; killed, it goes on."""

import asyncio
import base64
import json
import os
import random
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from app.capabilities import SEALED_COLUMNS
from app.credentials.encryption_rotation import KeyRotation
from app.credentials.store import PostgresCredentials
from app.events.models import NewEvent
from app.monitoring.store.heartbeats import read_keys
from app.postgres.database import Database, Statement
from app.postgres.encryption import SealBroken, Sealer
from tests.commands import ROOT, lockstitch
from tests.credentials.sealed_values import (
    WORDS,
    Stores,
    read_everything,
    write_everything,
)
from tests.forked import Forked
from tests.required import required

K1, K2 = ("k1", bytes(range(32))), ("k2", bytes(range(32, 64)))
OLD, BOTH, NEW = Sealer((K1,)), Sealer((K2, K1)), Sealer((K2,))

LOCK_EVENT = Statement(
    "SELECT event",
    "SELECT FROM event WHERE id = (SELECT id FROM event ORDER BY id OFFSET $1 LIMIT 1) FOR UPDATE",
)
ROTATIONS = Statement(
    "SELECT audit_event", "SELECT type, subject, actor FROM audit_event WHERE type LIKE 'encryption.%' ORDER BY id"
)
STARTS = Statement(
    "INSERT heartbeat",
    """
    INSERT INTO heartbeat (process, role, holder, settings, keys) VALUES ('host:1', 'api', 1, 'x', $1)
        ON CONFLICT (process) DO UPDATE SET keys = excluded.keys
    """,
)
BYTES = Statement(
    "SELECT pg_attribute",
    """
    SELECT c.relname || '.' || a.attname AS name,
           EXISTS (SELECT
                     FROM pg_constraint AS held
                    WHERE held.conrelid = c.oid
                      AND pg_get_constraintdef(held.oid) LIKE '%octet_length(' || a.attname || ')%') AS is_digest
      FROM pg_attribute AS a
      JOIN pg_class AS c ON c.oid = a.attrelid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
       AND a.atttypid = 'bytea'::regtype
    """,
)


FIGURES = {"vendor_budget.ring"}
"""Columns of bytes that hold numbers and times only."""


async def test_every_column_of_bytes_is_sealed_or_a_digest(database: Database) -> None:
    columns = await database.fetch(BYTES)
    sealed = {row["name"] for row in columns if not row["is_digest"]}
    assert {column.name for column in SEALED_COLUMNS} == sealed - FIGURES


async def test_after_a_rotation_the_new_key_alone_opens_everything(database: Database) -> None:
    ids = await write_everything(Stores(database, OLD))
    rotation = KeyRotation(database, BOTH, SEALED_COLUMNS, read_keys, batch=2)
    before = await rotation.count()
    assert all(set(counts) == {"k1"} for counts in before.values()), before  # and no column was left out
    assert (await rotation.rotate(actor="cli:nina")).sealed == sum(counts["k1"] for counts in before.values())
    assert {name: {"k2": counts["k1"]} for name, counts in before.items()} == await rotation.count()
    assert (await rotation.rotate(actor="cli:nina")).sealed == 0
    await read_everything(Stores(database, NEW), ids)
    with pytest.raises(SealBroken):
        await Stores(database, OLD).operations.get(ids["operation"])


async def test_an_undecryptable_value_is_left_unchanged(database: Database) -> None:
    ids = await write_everything(Stores(database, OLD))
    stranger = Sealer((K2,))
    done = await KeyRotation(database, stranger, SEALED_COLUMNS, read_keys).rotate(actor="cli:nina")
    assert done.sealed == 0
    assert done.unreadable == done.left > 0
    await read_everything(Stores(database, OLD), ids)


async def test_a_value_that_changes_under_its_hands_is_not_put_back(database: Database) -> None:
    """Between its reading and its writing somebody else writes: his value stands."""
    stores = Stores(database, OLD)
    await write_everything(stores)
    rotation = KeyRotation(database, BOTH, SEALED_COLUMNS, read_keys)
    column = next(column for column in SEALED_COLUMNS if column.table == "record_state")
    rows = await rotation._select(column, None)
    last_state = await stores.states.get("customer", "crm", "1051")
    async with database.transaction() as session:
        await stores.store_state(session, "1051", b'{"name":"Euclid"}', instead_of=last_state)
    assert (await rotation._seal(column, rows)).sealed == 0
    state = required(await Stores(database, BOTH).states.get("customer", "crm", "1051"))
    assert state.data == b'{"name":"Euclid"}'


def keys_of(*keys: tuple[str, bytes]) -> str:
    return ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in keys)


def secrets(database_url: str, *arguments: str, keys: str) -> subprocess.CompletedProcess[str]:
    return lockstitch("secrets", *arguments, environment=environment(database_url, keys), columns=200)


def environment(database_url: str, keys: str) -> dict[str, str]:
    return {"LOCKSTITCH_DATABASE_URL": database_url, "LOCKSTITCH_ENCRYPTION_KEYS": keys}


async def test_the_commands(database: Database, database_url: str) -> None:
    await write_everything(Stores(database, OLD))
    both = keys_of(K2, K1)
    status = await asyncio.to_thread(secrets, database_url, "status", "--json", keys=both)
    report = json.loads(status.stdout)
    assert (report["writes"], report["missing"], report["droppable"]) == ("k2", [], [])
    assert report["values"]["record_state.data"] == {"k1": 1}

    lacking = await asyncio.to_thread(secrets, database_url, "status", keys=keys_of(K2))
    assert "Required, but not configured: k1." in lacking.stdout
    refused = await asyncio.to_thread(secrets, database_url, "rotate-key", keys=keys_of(K2))
    assert refused.returncode == 1
    assert "not configured" in refused.stderr

    done = await asyncio.to_thread(secrets, database_url, "rotate-key", "--json", keys=both)
    assert done.returncode == 0, done.stderr
    rotated = json.loads(done.stdout)
    assert (rotated["left"], rotated["unreadable"], rotated["droppable"]) == (0, 0, ["k1"])
    assert rotated["sealed"] >= len(SEALED_COLUMNS)
    again = await asyncio.to_thread(secrets, database_url, "rotate-key", keys=both)
    assert again.stdout.startswith("Sealed 0 values with k2.")
    assert "Not in use: k1." in (await asyncio.to_thread(secrets, database_url, "status", keys=both)).stdout
    audited = await database.fetch(ROTATIONS)
    # One that could read nothing, and one that sealed everything.
    rotations = ["encryption.rotation_begun", "encryption.rotated"] * 2
    assert [(row["type"], row["subject"]) for row in audited] == [(one, "k2") for one in rotations]
    assert audited[0]["actor"].startswith("cli:")


async def test_a_key_that_a_process_lacks_or_writes_with_is_not_taken_from_it(
    database: Database, database_url: str
) -> None:
    await PostgresCredentials(database, OLD).set("token", b"one")
    await database.execute(STARTS, ["k1"])
    refused = await asyncio.to_thread(secrets, database_url, "rotate-key", "--json", keys=keys_of(K2, K1))
    assert refused.returncode == 3
    assert (json.loads(refused.stdout)["sealed"], json.loads(refused.stdout)["lacking"]) == (0, ["host:1"])
    assert refused.stderr.startswith("Sealed nothing more: host:1 could not read it.")
    await database.execute(STARTS, ["k1", "k2"])
    stale = await asyncio.to_thread(secrets, database_url, "rotate-key", keys=keys_of(K2, K1))
    assert (stale.returncode, stale.stdout) == (1, "Sealed 1 value with k2.\n")
    assert "host:1 still uses it" in stale.stderr
    await database.execute(STARTS, ["k2", "k1"])
    done = await asyncio.to_thread(secrets, database_url, "rotate-key", keys=keys_of(K2, K1))
    assert (done.returncode, done.stdout) == (0, "Sealed 0 values with k2.\nNot in use: k1.\n")


@pytest.mark.parametrize(
    ("keys", "sealed", "lacking", "stale"), [(["k1"], 2, ["host:1"], ["host:1"]), (["k1", "k2"], 6, [], ["host:1"])]
)
async def test_a_process_that_starts_during_a_rotation_keeps_its_key(
    database: Database, keys: list[str], sealed: int, lacking: list[str], stale: list[str]
) -> None:
    for number in range(6):
        await PostgresCredentials(database, OLD).set(f"token{number}", b"one")
    started = False

    async def read_once_sealed(database: Database) -> Mapping[str, Sequence[str]]:
        nonlocal started
        if not started and (await rotation.count())["credential_version.payload"].get("k2"):
            await database.execute(STARTS, keys)
            started = True
        return await read_keys(database)

    rotation = KeyRotation(database, BOTH, SEALED_COLUMNS, read_once_sealed, batch=2)
    done = await rotation.rotate(actor="cli:nina")
    assert (done.sealed, done.left, done.lacking, done.stale) == (sealed, 6 - sealed, lacking, stale)
    assert done.droppable == []


async def test_a_killed_rotation_continues_while_others_write(database: Database, database_url: str) -> None:
    old, new = Stores(database, OLD), Stores(database, BOTH)
    await fill(old, 6000)
    stop = asyncio.Event()
    kept: dict[str, bytes] = {}
    writing = asyncio.create_task(write_until(stop, [new, old], kept))
    rotation = KeyRotation(database, BOTH, SEALED_COLUMNS, read_keys)
    chance = random.Random(7)
    for beyond in (1_999, 3_999, 5_499):
        begun = (await rotation.count())["event.body"].get("k2", 0)
        async with database.transaction() as session, asyncio.timeout(60):
            await session.execute(LOCK_EVENT, beyond)  # no rotation gets past it, so each is killed before its end
            process = Forked(
                "app.cli",
                ["secrets", "rotate-key", "--json"],
                environment={**os.environ, **environment(database_url, keys_of(K2, K1))},
                folder=ROOT,
                streams=(Path(os.devnull),) * 3,
            )
            while (await rotation.count())["event.body"].get("k2", 0) <= begun:  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(chance.uniform(0.0, 0.02))
            os.kill(process.pid, signal.SIGKILL)
            process.wait(30)
    half = await rotation.count()
    assert [row["type"] for row in await database.fetch(ROTATIONS)] == ["encryption.rotation_begun"] * 3
    assert half["event.body"]["k1"] > 0
    assert half["event.body"]["k2"] > 0
    stop.set()
    await writing
    done = await asyncio.to_thread(secrets, database_url, "rotate-key", "--json", keys=keys_of(K2, K1))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["left"] == 0
    alone = Stores(database, NEW)
    for number, (remote_id, data) in enumerate(kept.items()):
        state = await alone.states.get("customer", "crm", remote_id)
        assert state is not None, number
        assert state.data == data
    assert {bytes(event.body)[-20:] for event in await alone.events.newest(types=[], limit=250)}


async def test_a_rotation_stops_at_a_lock_and_goes_on_after_it(database: Database, database_url: str) -> None:
    await fill(Stores(database, OLD), 500)
    both = keys_of(K2, K1)
    async with database.transaction() as session:
        await session.execute(LOCK_EVENT, 300)
        stopped = await asyncio.to_thread(secrets, database_url, "rotate-key", keys=both)
    assert (stopped.returncode, stopped.stdout) == (1, "")
    assert "A transaction that stays open holds a lock. Look for the oldest xact_start" in stopped.stderr
    half = json.loads((await asyncio.to_thread(secrets, database_url, "status", "--json", keys=both)).stdout)
    assert half["values"]["event.body"] == {"k1": 300, "k2": 200}
    done = await asyncio.to_thread(secrets, database_url, "rotate-key", keys=both)
    assert (done.returncode, done.stdout) == (0, "Sealed 300 values with k2.\nNot in use: k1.\n")


async def fill(stores: Stores, count: int) -> None:
    for _ in range(0, count, 500):
        async with stores.database.transaction() as session:
            await stores.events.append(
                session, *(NewEvent(type="customer.created", data=WORDS, correlation_id="run-1") for _ in range(500))
            )


async def write_until(stop: asyncio.Event, processes: list[Stores], kept: dict[str, bytes]) -> None:
    """Keep changing the same few states, with processes that were restarted with the new key and with ones that were
    not."""
    round_ = 0
    while not stop.is_set():
        round_ += 1
        stores, remote_id, data = processes[round_ % 2], f"r{round_ % 5}", b'{"round":%d}' % round_
        last_state = await Stores(stores.database, BOTH).states.get("customer", "crm", remote_id)
        async with stores.database.transaction() as session:
            await stores.store_state(session, remote_id, data, instead_of=last_state)
        kept[remote_id] = data
        await asyncio.sleep(0)
