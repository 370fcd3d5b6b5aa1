"""Dead letters in the console: by cause, one in full, edited, redriven, discarded, and many at once."""

import json
import re
from collections.abc import Iterator
from html import unescape

import pytest

from tests.contract.callers import Caller
from tests.contract.dead_jobs import UNMAPPABLE, DeadJobs
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.operator import Operator
from tests.contract.samples import customer
from tests.contract.test_drift import PATHS
from tests.contract.waiting import until

PATH = "/console/dead-letters"
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def dead(facade: Facade) -> Iterator[DeadJobs]:
    work = DeadJobs(facade)
    yield work
    facade.sql("DELETE FROM job WHERE connection = $1", work.connection)


def test_they_are_grouped_by_cause_and_filtered_by_code_and_path(console_operator: Operator, dead: DeadJobs) -> None:
    plain = dead.bury(dead.new(), dead.new())
    (refused,) = dead.bury(dead.new(), failure=UNMAPPABLE)
    page = console_operator.get(PATH, params={"connection": dead.connection}).text
    groups = page.partition('id="causes"')[2].partition("</table>")[0]
    assert groups.index("<td>2</td>") < groups.index("<td>1</td>")
    assert "<code>$.email</code>" in groups
    oldest = re.search(rf'{PATH}/{plain[0]}"><time [^>]+>\d+ s</time> ago</a>', groups)
    assert oldest, "the oldest of each cause, with its age"
    (pathless,) = re.findall(rf'{PATH}\?([^"]+path=-)"', groups)
    of_one_cause = console_operator.get(f"{PATH}?{unescape(pathless)}").text
    assert plain[1] in of_one_cause
    assert refused not in of_one_cause
    narrowed = console_operator.get(
        PATH, params={"connection": dead.connection, "reason": "unmappable", "path": "$.email"}
    ).text
    assert refused in narrowed
    assert plain[0] not in narrowed
    assert console_operator.get(PATH, params={"state": "shut"}).status_code == 422


def test_one_is_shown_in_full_and_nothing_of_it_is_markup(console_operator: Operator, dead: DeadJobs) -> None:
    payload = json.dumps({"email": EVIL}).encode()
    (letter,) = dead.bury(dead.new(payload=payload, correlation_id="run-9"), failure=UNMAPPABLE)
    page = console_operator.get(f"{PATH}/{letter}").text
    assert "hubspot.customer@r1" in page
    assert "<mark>  &#34;email&#34;: &#34;&lt;script&gt;" in page
    assert "run?id=run-9" in page
    assert EVIL not in page


def test_one_of_a_briefed_connection_names_who_is_responsible(console_operator: Operator, dead: DeadJobs) -> None:
    (letter,) = dead.bury(dead.new(connection="hubspot"))
    assert "on call: growth-oncall@example.com" in console_operator.get(f"{PATH}/{letter}").text


def test_the_vendors_record_is_beside_its_canonical_form(
    console_operator: Operator, facade: Facade, caller: Caller, vendors: Emulators, dead: DeadJobs
) -> None:
    made = caller.create("/v1/customers?connection=hubspot", customer("hubspot", first_name=EVIL))
    dead.connection = "hubspot"
    (letter,) = dead.bury(dead.new(order_key=f"customer:{made['meta']['remote_id']}"), failure=UNMAPPABLE)
    assert "At the vendor" not in console_operator.get(f"{PATH}/{letter}").text
    page = console_operator.get(f"{PATH}/{letter}?compare=1").text
    for text in ('"firstname":', '"first_name":', made["emails"][0]["address"]):
        assert text in unescape(page)
    assert EVIL not in page
    vendors.break_("hubspot", "drift", path=PATHS["hubspot"], times=None, change="type")
    refused = console_operator.get(f"{PATH}/{letter}?compare=1").text
    assert 'role="alert">' in refused
    assert "<mark>" in refused
    facade.sql("DELETE FROM dead_letter WHERE id = $1", letter)


def test_an_edited_payload_is_processed(
    console_operator: Operator, facade: Facade, caller: Caller, dead: DeadJobs
) -> None:
    receipt = dead.receive(b'{"email": "nonsense"}')
    work = dead.new(kind="ingest", payload=json.dumps({"receipt": receipt}).encode(), origin=receipt)
    (letter,) = dead.bury(work)
    page = f"{PATH}/{letter}"
    for wrong in ('{"receipt": ', json.dumps({"receipt": "in_1", "payload": {}})):
        again = console_operator.submit(page, f"{page}/redrive", {"payload": wrong})
        assert again.status_code in (400, 422)
        assert unescape(again.text).count(wrong) == 1
    assert dead.states() == ["open"]
    facade.worker.stop()
    try:
        edited = {"receipt": receipt, "payload": {"email": "ada@example.com"}}
        done = console_operator.submit(page, f"{page}/redrive", {"payload": json.dumps(edited, indent=2)})
        assert (done.status_code, done.headers["location"]) == (303, page)
        (job,) = dead.jobs()
        assert json.loads(dead.payload_of(job)) == edited
    finally:
        facade.sql("DELETE FROM job WHERE connection = $1", dead.connection)
        facade.worker.start()
    assert "was redriven" in console_operator.get(page).text
    run = console_operator.get("/console/run", params={"id": f"run-{dead.connection}"}).text
    assert f"Dead letter {letter} was redriven by " in run
    assert "by key_" not in run
    (audited,) = facade.sql(
        "SELECT actor FROM audit_event WHERE type = 'job.redriven' AND facts LIKE $1", f"%{letter}%"
    )
    assert audited["actor"].startswith("key_")


def test_a_discard_is_previewed_and_needs_a_reason(console_operator: Operator, dead: DeadJobs) -> None:
    (letter,) = dead.bury(dead.new("k1", kind="blocking"))
    page = f"{PATH}/{letter}"
    preview = console_operator.submit(page, f"{page}/discard").text
    assert "Later work on the record waits for it now" in preview
    unreasoned = console_operator.submit(page, f"{page}/discard", {"because": ""})
    assert (unreasoned.status_code, "<p>because: must have at least 1 character" in unreasoned.text) == (422, True)
    assert dead.states() == ["open"]
    assert console_operator.submit(page, f"{page}/discard", {"because": "merged by hand"}).status_code == 303
    assert dead.states() == ["discarded"]
    assert "merged by hand" in console_operator.get(page).text
    again = console_operator.submit(page, f"{page}/discard")
    assert again.status_code == 409, "there is nothing to preview"
    assert re.search(rf"{letter} was already discarded by [^_ ]+ at", again.text), "by the name of the key"
    assert f'<a href="{page}">Open the page of this action</a>' in again.text


def test_many_are_previewed_then_redriven(console_operator: Operator, dead: DeadJobs) -> None:
    dead.bury(*(dead.new() for _ in range(3)))
    fields = {"connection": dead.connection, "reason": "vendor-unavailable", "rate": "50"}
    preview = console_operator.submit(PATH, "/console/redrives", fields).text
    assert "This would redrive 3 dead letters" in preview
    assert dead.states() == ["open"] * 3
    begun = console_operator.submit(PATH, "/console/redrives", {**fields, "confirmed": "1"})
    progress = begun.headers["location"]
    page = until(lambda: console_operator.get(progress).text, lambda text: "<dt>Left</dt><dd>0</dd>" in text)
    assert "<dt>Redriven</dt><dd>3</dd>" in page
    assert dead.states() == ["redriven"] * 3
    for rate in ("fast", "nan", "inf"):
        assert console_operator.submit(PATH, "/console/redrives", {"rate": rate}).status_code == 422


def test_a_preview_says_what_is_skipped(console_operator: Operator, dead: DeadJobs) -> None:
    dead.bury(dead.new("k1"), dead.new("k2"))
    dead.enqueue(dead.new("k1"))
    preview = console_operator.submit(PATH, "/console/redrives", {"connection": dead.connection}).text
    assert "This would redrive 1 dead letter</h1>" in preview
    assert "It skips 1 whose work is queued already." in preview


def test_a_misspelt_connection_is_refused(console_operator: Operator) -> None:
    listed = console_operator.get(PATH, params={"connection": "other-zendsk"})
    redriven = console_operator.submit(PATH, "/console/redrives", {"connection": "other-zendsk"})
    for answer in (listed, redriven):
        assert answer.status_code == 422
        assert "Did you mean other-zendesk?" in answer.text


def test_a_key_that_may_only_read_has_no_form(
    console_reader: Operator, console_operator: Operator, dead: DeadJobs
) -> None:
    (letter,) = dead.bury(dead.new())
    for page in (PATH, f"{PATH}/{letter}"):
        forms = console_reader.get(page).text.split('method="post"')[1:]
        assert ["/console/sign-out" in form.partition(">")[0] for form in forms] == [True]
    for path in (f"{PATH}/{letter}/redrive", f"{PATH}/{letter}/discard", "/console/redrives"):
        assert console_reader.submit(PATH, path, {"because": "x", "confirmed": "1"}).status_code == 403
        assert console_operator.post(path, data={"csrf": "0" * 64}).status_code == 403
    assert dead.states() == ["open"]
