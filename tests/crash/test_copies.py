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
from tests.contract.samples import customer, word
from tests.contract.waiting import until

WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = $1::text::regclass"


@pytest.fixture
def facade(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[Facade]:
    """With leases that are noticed soon, so that a test need not wait as long as production may."""
    folder = tmp_path_factory.mktemp("copies")
    with Facade(folder, database_url, LOCKSTITCH_JOB_LEASE="2", LOCKSTITCH_OPERATION_LEASE="3").running() as facade:
        yield facade


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
        key = new_key()
        with locked(facade.database_url, table):
            sent = threads.submit(_copy, caller, made, key)
            until(lambda: facade.sql(WAITING, table))
            facade.api.kill()
        with pytest.raises(httpx.TransportError):
            sent.result()
        facade.api.start()
        result = until(lambda: _copy(caller, made, key), lambda answer: answer.status_code == 201).json()

        assert result["id"] == made["id"]
        assert {one["connection"] for one in result["meta"]["links"]} == {"shopify", "hubspot"}
        assert len(facade.vendors.records("hubspot", "contacts", holding=mark)) == 1
        again = _copy(caller, made, new_key())
        assert (again.status_code, again.json()["meta"]["remote_id"]) == (200, result["meta"]["remote_id"])


def _copy(caller: Caller, made: dict[str, Any], key: str) -> httpx.Response:
    return caller.write("POST", f"/v1/customers/{made['id']}/copies", {"connection": "hubspot"}, key=key)
