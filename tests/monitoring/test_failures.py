"""Failures are found by indexes of failures only, however many rows there are."""

import pytest

from app.monitoring.store.failures import BROWSE, SEARCH, UNKEYED
from app.postgres.database import Statement
from tests.plans import plan_of


@pytest.mark.parametrize("query", [BROWSE, SEARCH, UNKEYED])
def test_finding_failures_reads_no_table(database_url: str, query: Statement) -> None:
    plan = plan_of(database_url, query)
    for table in ("operation", "dead_letter"):
        assert f"Seq Scan on {table}" not in plan, plan
