"""What survives the death of the process, and that nothing of the process survives it."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx

from emulators.store import Store

from .conftest import PATIENCE, ROOT, RunningEmulators

AUTH = ("dev@example.com/token", "zendesk-dev-token")
TICKETS = "/zendesk/api/v2/tickets"


def ticket(subject: str) -> dict[str, object]:
    return {"ticket": {"subject": subject, "comment": {"body": subject}}}


def test_every_answered_write_is_there_after_kill_9(own_emulators: RunningEmulators) -> None:
    answered: list[int] = []

    def write() -> None:
        with httpx.Client(base_url=own_emulators.url, auth=AUTH) as client:
            for number in range(10_000):
                try:
                    answered.append(client.post(TICKETS, json=ticket(f"No. {number}")).json()["ticket"]["id"])
                except httpx.TransportError:
                    return

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    while len(answered) < 60:
        time.sleep(0.005)
    own_emulators.kill()
    for writer in writers:
        writer.join(PATIENCE)
    own_emulators.start()

    kept = {record["id"] for record in own_emulators.records("zendesk", "tickets")}
    assert len(answered) == len(set(answered))
    assert set(answered) <= kept
    # Each of the three may have lost the answer to one write that happened.
    assert len(kept) - len(answered) <= len(writers)
    recorded = [call for call in own_emulators.calls("zendesk") if call["status"] == 201]
    assert len(recorded) == len(kept)


def test_ids_keys_faults_and_limits_go_on_after_kill_9(own_emulators: RunningEmulators) -> None:
    key = {"Idempotency-Key": "once"}
    first = own_emulators.http.post(TICKETS, json=ticket("One"), auth=AUTH, headers=key).json()
    own_emulators.order(vendor="zendesk", match={"method": "GET"}, fault={"kind": "status", "status": 503}, times=3)
    own_emulators.limit("zendesk", per_minute=500)
    assert own_emulators.http.get(TICKETS, auth=AUTH).status_code == 503
    own_emulators.kill()
    own_emulators.start()

    again = own_emulators.http.post(TICKETS, json=ticket("One"), auth=AUTH, headers=key)
    assert again.headers["x-idempotency-lookup"] == "hit"
    assert again.headers["ratelimit-limit"] == "500"
    assert again.json() == first
    other = own_emulators.http.post(TICKETS, json=ticket("Two"), auth=AUTH).json()
    assert other["ticket"]["id"] > first["ticket"]["id"]
    assert [own_emulators.http.get(TICKETS, auth=AUTH).status_code for _ in range(3)] == [503, 503, 200]


def test_a_rate_goes_on_where_it_was_after_kill_9(own_emulators: RunningEmulators) -> None:
    def statuses(count: int) -> list[int]:
        return [own_emulators.http.get(TICKETS, auth=AUTH).status_code for _ in range(count)]

    plan = {"vendor": "zendesk", "fault": {"kind": "status", "status": 500}, "rate": 0.5, "seed": 3}
    own_emulators.order(**plan)
    whole = statuses(30)
    own_emulators.reset()
    own_emulators.order(**plan)
    before = statuses(12)
    own_emulators.kill()
    own_emulators.start()
    assert before + statuses(18) == whole


def test_sigterm_ends_it_cleanly_while_a_call_is_held(own_emulators: RunningEmulators) -> None:
    own_emulators.order(vendor="zendesk", fault={"kind": "timeout", "delay_ms": 600_000})
    ended: list[Exception] = []

    def wait() -> None:
        try:
            httpx.get(f"{own_emulators.url}{TICKETS}", auth=AUTH, timeout=PATIENCE)
        except httpx.TransportError as error:
            ended.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not own_emulators.http.get("/_emulator/calls").json():
        time.sleep(0.01)
    assert own_emulators.stop() == 0
    waiting.join(PATIENCE)
    assert not isinstance(ended[0], httpx.ReadTimeout)


def test_it_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    emulators = RunningEmulators(tmp_path)
    script = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen({emulators.command!r})\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    emulators.await_health()
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(PATIENCE)
    end = time.monotonic() + PATIENCE
    while _runs(child) and time.monotonic() < end:
        time.sleep(0.02)
    emulators.close()
    assert not _runs(child)


def test_only_the_owner_can_read_the_state_file(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.transaction():
        store.sql.execute("INSERT INTO fault (vendor, body) VALUES ('zendesk', '{}')")
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    store.close()
    assert set(modes.values()) == {0o600}, modes


def test_without_state_it_remembers_only_while_it_runs() -> None:
    emulators = RunningEmulators(None, "--no-calls")
    try:
        emulators.start()
        emulators.http.post(TICKETS, json=ticket("Brief"), auth=AUTH)
        assert len(emulators.records("zendesk", "tickets")) == 1
        assert emulators.calls("zendesk") == []
        emulators.kill()
        emulators.start()
        assert emulators.records("zendesk", "tickets") == []
    finally:
        emulators.close()


def _runs(pid: int) -> bool:
    """Whether the process is running, and not an unreaped zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
