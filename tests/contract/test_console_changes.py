"""Changes in the console: who changed what, and what a connection reads and writes."""

from datetime import UTC, datetime
from html import unescape

import pytest

from tests.contract.facade import Facade
from tests.contract.operator import Operator

PATH = "/console/changes"
EVIL = "<i>moved</i>"


def rows(page: str) -> str:
    return unescape(page.partition('id="events"')[2].partition("</table>")[0])


def test_a_change_is_there_with_the_name_of_the_key_that_made_it(facade: Facade) -> None:
    before = datetime.now(UTC).isoformat()
    key = facade.make_key("ops:read", "ops:write", name="nina-of-changes")
    with Operator(facade.api.url) as operator:
        operator.sign_in(key.secret)
        where = "/console/connections/pausable"
        operator.submit(where, f"{where}/pause", {"note": EVIL})
        operator.submit(where, f"{where}/resume")
        page = operator.get(PATH, params={"actor": "nina-of-changes"}).text
        table = rows(page)
        assert table.index("connection resumed") < table.index("connection paused") < table.index("console signed in")
        assert table.count("<td>nina-of-changes</td>") == 3
        created = rows(operator.get(PATH, params={"record": key.id}).text)
        assert "needs approval <code>no</code>" in created
        assert "scopes <code>ops:read, ops:write</code>" in created
        assert "mapping pinned" not in rows(operator.get(PATH, params={"actor": "lockstitch"}).text)
        assert "mapping pinned" in rows(operator.get(PATH, params={"type": "mapping.*", "actor": "lockstitch"}).text)
        assert EVIL not in page
        narrow = {"type": "connection.*", "record": "pausable", "since": before}
        assert rows(operator.get(PATH, params=narrow).text).count("<tr>") == 3
        assert "api key created" in rows(operator.get(PATH, params={"type": "api_key.*"}).text)
        older = operator.get(PATH, params={"actor": "nina-of-changes", "after": "1"}).text
        assert "Nothing matches" in older


def test_everything_is_searched_page_by_page(console_reader: Operator, facade: Facade) -> None:
    page = console_reader.get(PATH, params={"type": "*"}).text
    assert 'method="post"' not in page.partition("<main")[2]
    count = facade.sql("SELECT count(*) AS count FROM audit_event")[0]["count"]
    assert ("Older" in page) is (count > 50)
    for wrong in ({"since": "yesterday"}, {"after": "x"}, {"record": "x\0"}):
        assert console_reader.get(PATH, params=wrong).status_code == 422


@pytest.mark.parametrize("name", ["customer", "order", "ticket"])
def test_coverage_and_what_a_move_loses(console_reader: Operator, name: str) -> None:
    assert f"/console/coverage/{name}" in console_reader.get(PATH).text
    where = f"/console/coverage/{name}"
    assert "<td>RCU</td>" in console_reader.get(where).text
    holders = {"customer": ("hubspot", "shopify"), "order": ("shopify", "hubspot"), "ticket": ("zendesk", "hubspot")}
    source, target = holders[name]
    assert 'role="status"' in console_reader.get(where, params={"from": source, "to": target}).text
    same = console_reader.get(where, params={"from": "nowhere", "to": target}).text
    assert 'role="status"' not in same
    assert console_reader.get("/console/coverage/none").status_code == 404
