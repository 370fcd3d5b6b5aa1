"""A worker that watches: alarms and signs of life come from the process itself, also while the queue is full of dead
letters and while the database is away."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.contract.facade import Facade
from tests.contract.person import Person
from tests.contract.processes import Process
from tests.contract.waiting import until
from tests.fixtures import opened

person = opened(lambda: closing(Person()))


@pytest.fixture
def watching(facade: Facade, person: Person, tmp_path: Path) -> Iterator[Process]:
    """One more worker, which tells this person; the address is a secret, so it is a reference."""
    config = tmp_path / "lockstitch.toml"
    config.write_text(
        facade.configuration
        + '\n[alerts]\nurl = "env:ALARM_URL"\nheartbeat_url = "env:SIGN_URL"\nheartbeat_seconds = 5\n'
    )
    process = facade.process(
        "worker", LOCKSTITCH_CONFIG=str(config), ALARM_URL=f"{person.url}/alarm", SIGN_URL=f"{person.url}/ping"
    )
    process.start()
    yield process
    process.stop()


@pytest.mark.usefixtures("watching")
def test_a_worker_sends_alarms_and_heartbeats(facade: Facade, person: Person) -> None:
    until(lambda: len(person.signs) >= 2)
    facade.sql(
        """INSERT INTO dead_letter (id, job_id, kind, connection, attempts, dead_head, payload, correlation_id,
                                    enqueued_at, category, reason)
           VALUES ('dl_alarm', 0, 'alarm', 'hubspot', 8, 'skip', '', 'Ann Bell', now(), 'permanent', 'no')"""
    )
    try:
        until(lambda: person.states("dead_letters"))
        (message,) = [one for one in person.alarms if one["alarm"] == "dead_letters"]
        assert message["state"] == "raised"
        assert message["link"].endswith("/console/dead-letters")
        assert "Ann Bell" not in json.dumps(person.alarms)
        signs = len(person.signs)
        until(lambda: len(person.signs) > signs)  # an alarm is no reason to be taken for dead
    finally:
        facade.sql("DELETE FROM dead_letter WHERE id = 'dl_alarm'")
    left = facade.sql("SELECT FROM dead_letter WHERE state = 'open'")
    until(lambda: left or person.states("dead_letters")[-1] == "over")


def test_a_worker_that_is_killed_gives_no_sign(person: Person, watching: Process) -> None:
    until(lambda: person.signs)
    watching.kill()
    httpx.get(f"{person.url}/ping")  # comes after one that was on its way
    signs = len(person.signs)
    time.sleep(8.0)  # longer than the longest pause between two
    assert len(person.signs) == signs
