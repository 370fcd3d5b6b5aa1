"""Webhooks while receiver, worker and supervisor are killed with -9: all copies of each are one job and one Event.

`LOCKSTITCH_CRASH_EVENTS` (`make test-long` uses 300), `LOCKSTITCH_CRASH_COPIES` and `LOCKSTITCH_CRASH_SEEDS`
(comma-separated) make it as long as you like.
"""

import asyncio
import json
import os
import random
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import aiohttp
import asyncpg
import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from tests.closing import async_closing
from tests.crash.supervised import Supervised

EVENTS = int(os.environ.get("LOCKSTITCH_CRASH_EVENTS", "60"))
COPIES = int(os.environ.get("LOCKSTITCH_CRASH_COPIES", "20"))
SEEDS = [int(seed) for seed in os.environ.get("LOCKSTITCH_CRASH_SEEDS", "1").split(",")]
EVENTS_AT_ONCE = 4
LEAST_KILLS = 6
PATIENCE = 120.0
# The supervisor pauses longer before each restart of a child that keeps dying; a new supervisor begins with short ones.
VICTIMS = ("serve", "serve", "worker", "supervisor")
LONGEST_CALM = 1.5 * max(1.0, EVENTS * COPIES / 5_000)

QUEUED = """
    SELECT facts::jsonb->>'origin' AS receipt, count(*) AS jobs
      FROM audit_event
     WHERE type = 'job.queued' AND facts::jsonb->>'kind' = 'ingest'
     GROUP BY 1
"""


@pytest.mark.parametrize("seed", SEEDS)
def test_every_event_is_one_job_and_one_effect(supervised: Supervised, seed: int) -> None:
    facts: dict[str, Any] = supervised.start()
    sender = Sender(facts["api"], facts["webhook_secrets"]["gateway"])
    marks = [f"mark{number:05d}" for number in range(EVENTS)]

    kills = asyncio.run(_play(supervised, sender, marks, random.Random(seed)))

    receipts, jobs = asyncio.run(_recorded(facts["database_url"]))
    effects = _effects(facts["api"], facts["key"])
    print(f"{kills} kills; answers: {dict(sender.outcomes)}; {receipts} receipts, {len(jobs)} jobs")
    assert receivers_killed(kills) >= LEAST_KILLS // 2
    assert sender.outcomes.keys() <= {"202", "503", "broken"}, sender.outcomes
    assert sender.accepted <= EVENTS
    assert receipts == EVENTS
    assert len(jobs) == EVENTS
    assert set(jobs.values()) == {1}
    assert effects == dict.fromkeys(marks, 1)


class Sender:
    """A gateway's customer who sends each event many times at once, signed by the official package."""

    def __init__(self, api: str, secret: str) -> None:
        self._url = f"{api}/v1/webhooks/gateway"
        self._signing = Webhook(secret)
        self.outcomes: Counter[str] = Counter()
        self.accepted = 0

    async def deliver(self, client: aiohttp.ClientSession, mark: str, copies: int) -> None:
        """All copies at once, and all of them again until one is taken."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            taken = await asyncio.gather(*(self._send(client, mark) for _ in range(copies)))
            if any(taken):
                return
            await asyncio.sleep(0.5)
        raise AssertionError(f"{mark} was not taken: {self.outcomes}")

    async def _send(self, client: aiohttp.ClientSession, mark: str) -> bool:
        at, body = datetime.now(UTC), json.dumps({"type": "mark.made", "data": {"mark": mark}})
        headers = {
            "webhook-id": f"msg_{mark}",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._signing.sign(f"msg_{mark}", at, body),
        }
        try:
            async with client.post(self._url, data=body, headers=headers) as answer:
                receipt = await answer.json(content_type=None)
        except (aiohttp.ClientError, OSError):
            self.outcomes["broken"] += 1
            return False
        self.outcomes[str(answer.status)] += 1
        if answer.status == 202:
            self.accepted += receipt["accepted"]
        return answer.status == 202


async def _play(supervised: Supervised, sender: Sender, marks: list[str], chance: random.Random) -> Counter[str]:
    """Everything is sent while somebody kills, and when he has stopped once more."""
    kills: Counter[str] = Counter()
    killing = asyncio.create_task(_kill_now_and_then(supervised, sender, chance, kills))
    connector = aiohttp.TCPConnector(limit=EVENTS_AT_ONCE * COPIES)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30), connector=connector) as client:
        waiting = list(marks)

        async def lane() -> None:
            while waiting or kills.total() < LEAST_KILLS or receivers_killed(kills) < LEAST_KILLS // 2:
                await sender.deliver(client, waiting.pop() if waiting else chance.choice(marks), COPIES)

        await asyncio.gather(*(lane() for _ in range(EVENTS_AT_ONCE)))
        killing.cancel()
        await asyncio.wait({killing})
        for mark in marks:
            await sender.deliver(client, mark, 1)
    return kills


def receivers_killed(kills: Counter[str]) -> int:
    """How often the receiver was killed, alone or with its supervisor."""
    return kills["serve"] + kills["supervisor"]


async def _kill_now_and_then(
    supervised: Supervised, sender: Sender, chance: random.Random, kills: Counter[str]
) -> None:
    """The receiver only when it is at work again: one that is killed while it starts shows nothing."""
    while True:
        before = sender.outcomes["202"]
        await asyncio.sleep(chance.uniform(0.05, LONGEST_CALM))
        victim = chance.choice(VICTIMS)
        if victim != "worker" and sender.outcomes["202"] == before:
            continue
        supervised.kill(victim)
        kills[victim] += 1
        if victim == "supervisor":
            # Shielded: a restart that has begun is finished, whoever stops the killing.
            await asyncio.shield(asyncio.to_thread(supervised.start))


async def _recorded(database_url: str) -> tuple[int, dict[str, int]]:
    """How many receipts there are, and how many jobs were ever made of each."""
    async with async_closing(asyncpg.connect(database_url)) as connection:
        receipts: int = await connection.fetchval("SELECT count(*) FROM inbound_event")
        return receipts, {row["receipt"]: row["jobs"] for row in await connection.fetch(QUEUED)}


def _effects(api: str, key: str) -> Counter[str]:
    """How many Events each mark has become, when the last one has become one."""
    deadline = time.monotonic() + PATIENCE
    with httpx.Client(base_url=api, timeout=30, headers={"authorization": f"Bearer {key}"}) as client:
        while True:
            effects = _read_feed(client)
            if len(effects) == EVENTS or time.monotonic() > deadline:
                return effects
            time.sleep(0.3)


def _read_feed(client: httpx.Client) -> Counter[str]:
    effects: Counter[str] = Counter()
    after: str | None = None
    while True:
        query = {"type": "webhook.received", "limit": "250"} | ({"after": after} if after else {})
        page = client.get("/v1/events", params=query).raise_for_status().json()
        effects.update(event["data"]["payload"]["data"]["mark"] for event in page["data"])
        if not page["has_more"]:
            return effects
        after = page["data"][-1]["id"]
