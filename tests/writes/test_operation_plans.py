"""Plans of statements about operations, as a session keeps them: one operation is found by its id, what is due by its
own index, however many there are."""

import re

import pytest

from app.writes.store import own_writes, queued, statements
from tests.plans import plan_of, plans_of_nothing, scans_in

BY_ID = (
    *("TAKE_OVER", "TAKE_QUEUED", "DEFER", "MARK_SENT", "NOTE_REMOTE_ID", "POSTPONE", "SETTLE_UNANNOUNCED"),
    *("SETTLE_ANNOUNCED", "HELD", "MARK_UNKNOWN", "FORGET", "REOPEN", "RESOLVE", "LOCK_UPSERT", "SELECT_BY_ID"),
)


@pytest.mark.parametrize("name", BY_ID)
def test_one_operation_is_found_by_its_id(module_database_url: str, name: str) -> None:
    plan = plan_of(module_database_url, getattr(statements, name))
    assert "operation_pkey" in plan or "operation_unknown" in plan
    assert "operation_due" not in plan


@pytest.mark.parametrize("name", ["SETTLE_UNANNOUNCED", "SETTLE_ANNOUNCED"])
def test_an_end_that_changes_nothing_is_not_planned_anew(module_database_url: str, name: str) -> None:
    assert plans_of_nothing(module_database_url, getattr(statements, name)) == 5


@pytest.mark.parametrize("name", ["DUE_IN", "CLAIM_DUE"])
def test_what_is_due_is_found_by_its_index(module_database_url: str, name: str) -> None:
    plan = plan_of(module_database_url, getattr(statements, name))
    assert "operation_due" in plan
    assert "Sort" not in plan


@pytest.mark.parametrize(
    ("state", "index"),
    [
        (state, f"operation_{state}" if state in ("unknown", "approval") else "operation_pkey")
        for state in statements.PAGES
    ],
)
def test_a_page_is_read_in_the_order_of_an_index(module_database_url: str, state: str | None, index: str) -> None:
    plan = plan_of(module_database_url, statements.PAGES[state])
    assert index in plan
    assert "Sort" not in plan


def test_who_only_approves_reads_no_other_operations(module_database_url: str) -> None:
    plan = plan_of(module_database_url, statements.APPROVAL_PAGES[None])
    assert "operation_approval" in plan
    assert "Sort" not in plan


@pytest.mark.parametrize(
    ("name", "indexes"),
    [
        ("LOOK", {"record_state_pkey", "operation_sent"}),
        ("CHECK", {"record_state_pkey", "operation_sent"}),
        ("DONE", {"operation_comment"}),
    ],
)
def test_what_a_webhook_may_report_is_found_by_its_own_index(
    module_database_url: str, name: str, indexes: set[str]
) -> None:
    plan = plan_of(module_database_url, getattr(own_writes, name))
    assert set(re.findall(r"Index Scan using (\w+)", plan)) == indexes
    assert "Seq Scan" not in plan


def test_what_delays_an_operation_is_found_by_keys(module_database_url: str) -> None:
    scans = scans_in(plan_of(module_database_url, queued.SELECT_DELAYS))
    assert {scan[0] for scan in scans} >= {"operation", "job", "attempt", "dead_letter", "lane"}
    assert [scan for scan in scans if not scan[1] and scan[0] != "lane"] == []
