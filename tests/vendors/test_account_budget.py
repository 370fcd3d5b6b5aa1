"""Processes lease from one budget, which an AccountBudget is to each of them, and go on without the database."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from app.postgres.database import Database
from app.queue.models import BudgetShare
from app.settings.connections import read_connection
from app.vendors.budget import AccountBudget
from app.vendors.budget_store import PostgresBudgets
from app.vendors.connection_state import AccountBudgets
from mappings.http import Budget
from mappings.registry import VENDORS

# No window ends during a test.
WINDOW = 3600.0


def process(database: Database, units: float, account: str = "acme") -> AccountBudget:
    """The budget as a process knows it."""
    return AccountBudget(account, "default", units, WINDOW, store=PostgresBudgets(database))


async def use_all(*processes: AccountBudget, share: BudgetShare = BudgetShare.INTERACTIVE) -> int:
    """Take one unit after the other, in turn, and return how many there were."""
    taken = 0
    for budget in processes * 1000:
        if await budget.claim(1.0, share) > 0:
            break
        taken += 1
    return taken


async def test_processes_share_what_one_account_may(database: Database) -> None:
    one, two, other = process(database, 10), process(database, 10), process(database, 10, account="other")
    assert await use_all(one, two) == 10
    assert WINDOW < await two.claim(1.0, BudgetShare.INTERACTIVE) < 1.2 * WINDOW
    assert await use_all(other) == 10


async def test_requests_that_follow_each_other_wait_for_no_round_trip(database: Database) -> None:
    budget = process(database, 16_000)
    waited = 0
    for _ in range(1000):
        if not budget.take(1.0, BudgetShare.EVENTS):
            waited += 1
            assert await budget.claim(1.0, BudgetShare.EVENTS) == 0
    assert waited < 20
    await budget.close()


async def test_a_process_with_a_request_now_and_then_leaves_the_rest_to_the_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = 0.0
    monkeypatch.setattr("app.vendors.budget.time", SimpleNamespace(monotonic=lambda: time.monotonic() + ended))
    one, two = process(database, 900), process(database, 900)
    for _ in range(10):
        assert await one.claim(1.0, BudgetShare.INTERACTIVE) == 0
        await one.close()
        ended += 2 * WINDOW  # of what it has leased ahead
    assert await use_all(two) >= 885


def test_two_keys_of_one_account_share_its_limit_if_the_settings_say_so() -> None:
    budgets, stripe = AccountBudgets(), VENDORS["stripe"]

    def budget(key: str, **account: str) -> AccountBudget:
        settings = read_connection(key, {"vendor": "stripe", "credentials": {"key": f"env:{key}"}} | account)
        return budgets.of(settings, stripe, "https://api.stripe.com")["default"]

    assert budget("first", account="main") is budget("second", account="main")
    assert len({id(budget("first")), id(budget("second")), id(budget("first", account="main"))}) == 3


async def test_what_a_vendor_reports_to_one_process_is_known_to_the_others(database: Database) -> None:
    one, two = process(database, 100), process(database, 100)
    assert await one.claim(1.0, BudgetShare.INTERACTIVE) == 0
    one.learn(Budget(remaining=39.0, restore_per_second=50 / WINDOW))
    async with asyncio.timeout(60):
        while one.headroom() > 40:  # noqa: ASYNC110 - it is written in the background
            await asyncio.sleep(0.01)
    await one.close()
    # 10 of 50 were used by other clients. Of what the other process has leased ahead, no one else may take any.
    assert 30 <= await use_all(two) <= 39


async def test_a_lower_limit_is_known_to_the_others_at_once(database: Database) -> None:
    one, two = process(database, 100), process(database, 100)
    assert await one.claim(1.0, BudgetShare.INTERACTIVE) == 0
    for limit in (90, 50, 20):
        one.learn(Budget(remaining=limit - 1.0, restore_per_second=limit / WINDOW))
        async with asyncio.timeout(60):
            while one.headroom() > limit:  # noqa: ASYNC110 - it is written in the background
                await asyncio.sleep(0)  # the next limit comes in the moment in which this one is known
    await one.close()
    assert 10 <= await use_all(two) <= 19


async def test_a_process_goes_on_with_a_part_while_the_database_is_away(database_url: str) -> None:
    database = await Database.connect(database_url, max_size=1)
    budget = process(database, 80)
    assert await budget.claim(8.0, BudgetShare.INTERACTIVE) == 0
    await budget.close()
    await database.close()
    leased = 5  # ahead, a sixteenth of the limit
    rest = (80 - 8 - leased) / 8
    assert int(rest) <= await use_all(budget) <= leased + int(rest) + 1
    assert await budget.claim(1.0, BudgetShare.INTERACTIVE) > 0
