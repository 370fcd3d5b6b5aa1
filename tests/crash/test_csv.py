"""An export sent three times while receiver and worker are killed with -9: every row is one Event, every bad one a dead
letter that says why, and can be mended.

It takes some minutes; `LOCKSTITCH_CRASH_ROWS=1500` makes it shorter.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.callers import Caller
from tests.contract.exports import LEGACY, await_rows, dead_letters, events, export, line, send
from tests.contract.facade import Facade
from tests.contract.waiting import until

pytestmark = pytest.mark.long

ROWS = int(os.environ.get("LOCKSTITCH_CRASH_ROWS", "10000"))
BAD = 37
PATIENCE = 60.0 + ROWS / 10
KEYS = ("export-1", "export-1", "export-2")
"""The same file three times: twice under one key, as whoever lost the answer does, and once more under another."""

FAULTS: dict[str, tuple[str, str]] = {
    "email": ("E-mail", "is not an e-mail address"),
    "state": ("State", "is not one of the configured values: a, x, e"),
    "since": ("Since", "is not a date as %d.%m.%Y"),
    "name": ("Name", "is required but empty"),
}
WRONG = {"email": "nobody at example", "state": "Q", "since": "31.02.2026", "name": ""}
MENDED = {"E-mail": "mended@example.com", "State": "A", "Since": "01.02.2026", "Name": "Mended"}


@pytest.fixture
def facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    facade = Facade(tmp_path_factory.mktemp("csv"), module_database_url, more=LEGACY, LOCKSTITCH_JOB_LEASE="5")
    with facade.running():
        yield facade


def test_an_export_arrives_exactly_once_though_sent_three_times_and_killed_in_the_middle(facade: Facade) -> None:
    chance = random.Random(1)
    bad = {number: chance.choice(sorted(FAULTS)) for number in chance.sample(range(ROWS), BAD)}
    content = export(
        *(line(number, **({bad[number]: WRONG[bad[number]]} if number in bad else {})) for number in range(ROWS))
    )
    key = facade.make_key().secret

    (location, other), kills = asyncio.run(_send_while_somebody_kills(facade, key, content))

    with facade.calling(secret=key) as caller:
        upload = await_rows(caller, location, PATIENCE)
        letters = dead_letters(caller, upload)
        print(f"{kills}; {upload}")
        assert kills == {"serve in the middle": 1, "worker at work": 2}
        assert (upload["rows"], upload["seen"], upload["accepted"]) == (ROWS, ROWS, ROWS)
        assert (upload["settled"], upload["refused"]) == (ROWS - BAD, BAD)
        again = await_rows(caller, other, PATIENCE)
        assert (again["rows"], again["accepted"], again["duplicates"]) == (ROWS, 0, ROWS)
        assert facade.sql("SELECT count(*) FROM inbound_event") == [{"count": ROWS}]
        good = [(_id(number), _address(number)) for number in range(ROWS) if number not in bad]
        assert _told(caller) == sorted(good)
        assert len(letters) == BAD
        assert _explained(letters) == {
            (number + 2, f'$.rows[{number + 2}]["{FAULTS[fault][0]}"]', FAULTS[fault][1])
            for number, fault in bad.items()
        }

        for letter in letters:
            _mend(caller, letter)
        upload = await_rows(caller, location, PATIENCE)
        assert (upload["settled"], upload["refused"]) == (ROWS, 0)
        assert dead_letters(caller, upload) == []
        mended = [
            (_id(number), MENDED["E-mail"] if fault == "email" else _address(number)) for number, fault in bad.items()
        ]
        assert _told(caller) == sorted(good + mended)


async def _send_while_somebody_kills(facade: Facade, key: str, content: bytes) -> tuple[tuple[str, str], Counter[str]]:
    """Send under each key until it is taken. The receiver is killed in the middle of the first one, that is with some
    rows recorded and some not, and the worker while it is at work. Where the two uploads are told."""
    kills: Counter[str] = Counter()
    sending = asyncio.create_task(asyncio.to_thread(_send_until_taken, facade, key, content, KEYS[0]))
    await asyncio.to_thread(_kill_in_the_middle, facade, kills)
    locations = [await sending]
    for name in KEYS[1:]:
        await asyncio.to_thread(_kill_at_work, facade, kills)
        await asyncio.to_thread(facade.worker.start)
        locations.append(await asyncio.to_thread(_send_until_taken, facade, key, content, name))
    assert locations[0] == locations[1] != locations[2]
    return (locations[0], locations[2]), kills


def _kill_at_work(facade: Facade, kills: Counter[str]) -> None:
    """Kill -9 the worker while it has rows in hand and others wait."""
    until(lambda: facade.sql("SELECT FROM job WHERE state = 'running'"), timeout=PATIENCE)
    facade.worker.kill()
    kills["worker at work" if facade.sql("SELECT FROM job WHERE state = 'running'") else "worker too late"] += 1


def _kill_in_the_middle(facade: Facade, kills: Counter[str]) -> None:
    """Kill -9 the receiver once some rows of the upload are recorded and others are not; then start it again."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        rows = facade.sql("SELECT seen, ended_at FROM upload")
        if rows and rows[0]["ended_at"] is not None:
            return
        if rows and rows[0]["seen"] > 0:
            facade.api.kill()
            (row,) = facade.sql("SELECT seen, ended_at FROM upload")
            kills["serve in the middle" if row["ended_at"] is None else "serve too late"] += 1
            facade.api.start()
            return
        time.sleep(0.005)
    raise AssertionError("the upload never began")


def _send_until_taken(facade: Facade, key: str, content: bytes, name: str) -> str:
    deadline = time.monotonic() + PATIENCE
    with httpx.Client(base_url=facade.api.url, timeout=PATIENCE, headers={"authorization": f"Bearer {key}"}) as client:
        while time.monotonic() < deadline:
            try:
                answer = send(client, content, key=name)
            except httpx.TransportError:
                time.sleep(0.2)
                continue
            if answer.status_code == 202:
                return answer.headers["location"]
            assert answer.status_code in (409, 503), answer.text
            time.sleep(0.2)
    raise AssertionError(f"{name} was never taken")


def _mend(caller: Caller, letter: dict[str, Any]) -> None:
    payload = letter["payload"]
    column = letter["failure"]["path"].split('"')[1]
    payload["payload"]["cells"][column] = MENDED[column]
    caller.post(f"/ops/dead-letters/{letter['id']}/redrive", json={"payload": payload}).raise_for_status()


def _explained(letters: list[dict[str, Any]]) -> set[tuple[int, str, str]]:
    return {
        (letter["payload"]["payload"]["row"], letter["failure"]["path"], letter["failure"]["reason"])
        for letter in letters
    }


def _told(caller: Caller) -> list[tuple[str, str]]:
    """Record and address of every Event, in order."""
    created = [event for event in events(caller) if event["type"] == "customer.created"]
    assert len(created) == len(events(caller))
    return sorted((event["data"]["meta"]["remote_id"], event["data"]["emails"][0]["address"]) for event in created)


def _id(number: int) -> str:
    return f"C{number:05d}"


def _address(number: int) -> str:
    return f"ann.{number}@example.com"
