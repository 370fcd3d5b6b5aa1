"""A process that copies a record is killed with -9 before and after the link is made: one copy, linked, in the end."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import asyncpg
import httpx
import pytest

from tests.contract.callers import Caller, new_key
from tests.contract.facade import Facade
from tests.contract.quiet import UNDER_WAY
from tests.contract.samples import customer, word
from tests.contract.waiting import until

CONSUMER = """
[[consumers]]
object = "customers"
connection = "hubspot"
sources = ["shopify"]
match_on = "email"
"""
WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = $1::text::regclass"


@pytest.fixture
def facade(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[Facade]:
    """With leases that end only when `let_leases_run_out` ends them."""
    folder = tmp_path_factory.mktemp("copies")
    with Facade(folder, database_url, more=CONSUMER, LOCKSTITCH_OPERATION_LEASE="45").running() as facade:
        yield facade


def let_leases_run_out(facade: Facade) -> None:
    """As if the time had passed after which a process that is gone is missed."""
    facade.sql("UPDATE job SET lease_until = now() WHERE state = 'running'")
    facade.sql("UPDATE operation SET due_at = now() WHERE lease_token IS NOT NULL")


@contextmanager
def locked(url: str, table: str) -> Iterator[None]:
    """No other transaction writes to the table."""
    with asyncio.Runner() as runner:

        async def lock() -> Any:
            connection = await asyncpg.connect(url)
            await connection.execute(f"BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE")
            return connection

        connection = runner.run(lock())
        try:
            yield
        finally:
            runner.run(connection.close())


@pytest.mark.parametrize("table", ["link_change", "record_state"])
def test_a_copy_is_linked_although_its_process_is_killed(facade: Facade, table: str) -> None:
    """The link is made before the write is settled: the first table is the last of the link, the second one of the end
    of the write."""
    with facade.calling() as caller, ThreadPoolExecutor(1) as threads:
        made = caller.create("/v1/customers?connection=shopify", customer("shopify", mark := word()))
        until(lambda: facade.sql(UNDER_WAY)[0]["number"] == 0)
        key = new_key()
        with locked(facade.database_url, table):
            sent = threads.submit(_copy, caller, made, key)
            until(lambda: facade.sql(WAITING, table))
            facade.api.kill()
        with pytest.raises(httpx.TransportError):
            sent.result()
        let_leases_run_out(facade)
        facade.api.start()
        result = until(lambda: _copy(caller, made, key), lambda answer: answer.status_code == 201).json()

        assert result["id"] == made["id"]
        assert {one["connection"] for one in result["meta"]["links"]} >= {"shopify", "zendesk"}
        assert len(facade.vendors.records("zendesk", "users", holding=mark)) == 1
        again = _copy(caller, made, new_key())
        assert (again.status_code, again.json()["meta"]["remote_id"]) == (200, result["meta"]["remote_id"])


@pytest.mark.parametrize("table", ["link_change", "record_state"])
def test_a_leg_writes_once_although_its_worker_is_killed(facade: Facade, table: str) -> None:
    """The connection is paused until the table is locked, so that the fan-out alone meets the lock."""
    waiting = "SELECT 1 FROM job WHERE kind = 'fan_out' AND connection = 'hubspot'"
    with facade.calling() as caller:
        caller.post("/ops/connections/hubspot/pause", json={"note": "a test"}).raise_for_status()
        made = caller.create("/v1/customers?connection=shopify", customer("shopify", mark := word()))
        until(lambda: facade.sql(waiting))
        with locked(facade.database_url, table):
            caller.post("/ops/connections/hubspot/resume").raise_for_status()
            until(lambda: facade.sql(WAITING, table))
            facade.worker.kill()
        let_leases_run_out(facade)
        facade.worker.start()
        until(lambda: facade.sql(UNDER_WAY)[0]["number"] == 0)

        assert len(facade.vendors.records("hubspot", "contacts", holding=mark)) == 1
        there = caller.get(f"/v1/customers/{made['id']}?connection=hubspot").json()
        assert there["id"] == made["id"]
        made_there = facade.sql("SELECT outcome FROM operation WHERE principal = 'consumer:customers:hubspot'")
        assert made_there == [{"outcome": "succeeded"}]
        assert facade.sql("SELECT 1 FROM dead_letter") == []


def _copy(caller: Caller, made: dict[str, Any], key: str) -> httpx.Response:
    return caller.write("POST", f"/v1/customers/{made['id']}/copies", {"connection": "zendesk"}, key=key)
