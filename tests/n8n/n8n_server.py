"""A real n8n that listens: published workflows are started by webhooks and schedules, and sleeping ones wake up."""

import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
from n8n_cli import Execution, FreshN8n, N8nRefused

READY_WITHIN_S = 120
STOPPED_WITHIN_S = 30
SEEN_WITHIN_S = 90


class ServingN8n:
    """n8n while it serves at `url`."""

    def __init__(self, url: str, database: Path, process: subprocess.Popen[bytes]) -> None:
        """`database` is its SQLite file, from which executions are read."""
        self.url = url
        self.database = database
        self._process = process

    def kill(self) -> None:
        """End it without a chance to finish anything, as a crash does."""
        self._process.kill()
        self._process.wait()

    def executions(self, workflow_id: str) -> list[Execution]:
        """The executions of a workflow that have come to an end, oldest first."""
        query = """
            SELECT execution_entity.status, execution_data.data
              FROM execution_entity JOIN execution_data ON execution_data.executionId = execution_entity.id
             WHERE execution_entity.workflowId = ? AND execution_entity.stoppedAt IS NOT NULL
               AND execution_entity.status IN ('success', 'error', 'crashed', 'canceled')
             ORDER BY execution_entity.id
        """
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)) as opened:
            rows = opened.execute(query, (workflow_id,)).fetchall()
        return [Execution({"status": status, "data": unflatten(data)}) for status, data in rows]

    def remembered(self, workflow_id: str, node: str) -> dict[str, Any]:
        """What a node of a published workflow keeps between executions; empty if it keeps nothing."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)) as opened:
            query = "SELECT staticData FROM workflow_entity WHERE id = ?"
            (text,) = opened.execute(query, (workflow_id,)).fetchone()
        return (json.loads(text) if text else {}).get(f"node:{node}", {})

    def running(self, workflow_id: str) -> int:
        """How many executions of a workflow have begun and not ended."""
        query = "SELECT count(*) FROM execution_entity WHERE workflowId = ? AND status = 'running'"
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)) as opened:
            (number,) = opened.execute(query, (workflow_id,)).fetchone()
        return int(number)

    def listens(self, webhooks: int) -> bool:
        """Whether it answers, and so many webhooks are registered, which comes a little later."""
        try:
            if httpx.get(f"{self.url}/healthz/readiness", timeout=5).status_code != 200:
                return False
        except httpx.TransportError:
            return False
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)) as opened:
            (registered,) = opened.execute("SELECT count(*) FROM webhook_entity").fetchone()
        return int(registered) >= webhooks

    def wait_for(self, workflow_id: str, enough: Callable[[list[Execution]], object]) -> list[Execution]:
        """The executions of a workflow once they are `enough`. Raises TimeoutError."""
        give_up = time.monotonic() + SEEN_WITHIN_S
        while time.monotonic() < give_up:
            executions = self.executions(workflow_id)
            if enough(executions):
                return executions
            time.sleep(0.25)
        raise TimeoutError(f"{workflow_id} did not get there: {[one.last_items() for one in executions]}")


@contextmanager
def serving(n8n: FreshN8n, port: int, *, webhooks: int = 0) -> Iterator[ServingN8n]:
    """`n8n start` for as long as the block; workflows have to be imported and published before. `webhooks` is how many
    of them begin with one."""
    url = f"http://127.0.0.1:{port}"
    log = n8n.home / "start.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            n8n.command("start"), env=n8n.environment, cwd=n8n.home, stdout=output, stderr=subprocess.STDOUT
        )
    served = ServingN8n(url, n8n.home / ".n8n/database.sqlite", process)
    try:
        _wait_until_ready(process, served, webhooks, log)
        yield served
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()  # it waits for executions that sleep
            process.wait()


def unflatten(text: str) -> Any:
    """n8n keeps an execution in the format of the npm package `flatted`: one array of values in which every string
    that is a member of an object or array is the index of what stands there."""
    values: list[Any] = json.loads(text)
    built: dict[int, Any] = {}

    def build(index: int) -> Any:
        if index in built:
            return built[index]
        value = values[index]
        if isinstance(value, dict):
            members: dict[str, Any] = {}
            built[index] = members
            members.update((name, resolve(member)) for name, member in value.items())
            return members
        if isinstance(value, list):
            elements: list[Any] = []
            built[index] = elements
            elements.extend(resolve(member) for member in value)
            return elements
        return value

    def resolve(member: Any) -> Any:
        return build(int(member)) if isinstance(member, str) else member

    return build(0)


def _wait_until_ready(process: subprocess.Popen[bytes], served: ServingN8n, webhooks: int, log: Path) -> None:
    give_up = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise N8nRefused(f"n8n ended with {process.returncode}:\n{_end_of(log)}")
        if served.listens(webhooks):
            return
        time.sleep(0.25)
    raise TimeoutError(f"n8n was not ready within {READY_WITHIN_S} s:\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-4000:]
