"""Plans of statements about links, match keys and bases of copies, as a session keeps them: a record is found by its
place or its id, however many there are."""

import re

import pytest

from app.links import match_statements, statements
from app.postgres.database import Statement
from app.writes.store import copy_bases
from tests.plans import plan_of, scans_in

QUERIES = {
    name: query
    for module in (statements, match_statements)
    for name, query in vars(module).items()
    if isinstance(query, Statement)
}
ONE_ROW = re.compile("link_change|digest_secret")
FOUND_BY = re.compile("remote_id|source_id|target_id|canonical_id|own_id|alias|digest|changed|\\bid\\b")


@pytest.mark.parametrize("name", QUERIES)
def test_no_statement_reads_all_links(module_database_url: str, name: str) -> None:
    scans = [scan for scan in scans_in(plan_of(module_database_url, QUERIES[name])) if not ONE_ROW.match(scan[0])]
    # Only the list of proposals goes through all that are open, in the order of its page.
    assert [scan for scan in scans if not FOUND_BY.search(scan[1]) and name != "SELECT_OPEN"] == []
    assert not any(index.startswith("link_pkey") and "remote_id" not in by for index, by in scans)


def test_of_an_address_that_many_share_few_customers_are_read(module_database_url: str) -> None:
    assert re.match(r"GroupAggregate.*\n(.*\n)* +-> +Limit", plan_of(module_database_url, QUERIES["SELECT_SHARED"]))


@pytest.mark.parametrize("name", ["SELECT", "KEEP", "COPIES", "SOURCES"])
def test_no_copy_reads_the_bases_of_other_records(module_database_url: str, name: str) -> None:
    plan = plan_of(module_database_url, getattr(copy_bases, name))
    assert [scan for scan in scans_in(plan) if scan[0] != "new" and not FOUND_BY.search(scan[1])] == []
