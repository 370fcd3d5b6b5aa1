"""Undecided writes in the console: the evidence, the vendor's record beside what was sent, the decision."""

from html import unescape

from tests.contract.callers import Caller
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.operator import Operator
from tests.contract.samples import customer, ticket, word
from tests.contract.undecided_writes import forget_outcome
from tests.contract.waiting import until

PATH = "/console/writes"
EVIL = "<img src=x onerror=alert(1)>"


def test_a_lost_create_is_compared_and_decided(
    console_operator: Operator, console_reader: Operator, facade: Facade, caller: Caller
) -> None:
    body = ticket("zendesk", external_id=f"form-{word()}", description=EVIL)
    operation, made = forget_outcome(facade, caller, "POST", "/v1/tickets", body)
    assert f"{PATH}/{operation}" in console_operator.get(PATH).text
    page = console_operator.get(f"{PATH}/{operation}").text
    assert "How it can be found out" in page
    assert body["subject"] in page
    assert EVIL not in page
    remote_id = made["meta"]["remote_id"]
    compared = console_operator.get(f"{PATH}/{operation}", params={"remote_id": remote_id}).text
    assert "has every value that was sent" in compared
    assert EVIL not in compared
    assert 'method="post"' not in console_reader.get(f"{PATH}/{operation}").text.partition("<main")[2]
    for verb in ("check", "resolve"):
        assert console_reader.submit(PATH, f"{PATH}/{operation}/{verb}", {"outcome": "failed"}).status_code == 403

    where = f"{PATH}/{operation}"
    for wrong, status in (({"outcome": "succeeded", "remote_id": "999999"}, 404), ({"outcome": "maybe"}, 422)):
        again = console_operator.submit(where, f"{where}/resolve", wrong)
        assert (again.status_code, 'role="alert" id="wrong"' in again.text) == (status, True)
    assert facade.sql("SELECT phase FROM operation WHERE id = $1", operation) == [{"phase": "unknown"}]
    done = console_operator.submit(where, f"{where}/resolve", {"outcome": "succeeded", "remote_id": remote_id})
    assert (done.status_code, done.headers["location"]) == (303, where)
    (row,) = facade.sql("SELECT phase, outcome, remote_id FROM operation WHERE id = $1", operation)
    assert tuple(row.values()) == ("settled", "succeeded", remote_id)
    (audited,) = facade.sql(
        "SELECT actor FROM audit_event WHERE type = 'operation.resolved' AND subject = $1", operation
    )
    assert audited["actor"].startswith("key_")
    assert "Ask the vendor again" not in console_operator.get(where).text
    once_more = console_operator.submit(where, f"{where}/resolve", {"outcome": "failed"})
    assert (once_more.status_code, 'role="alert">' in once_more.text) == (422, True)
    assert f">{operation} is decided already: " in once_more.text
    answer = console_operator.submit(where, f"{where}/check")
    assert (answer.status_code, "The vendor was not asked." in answer.text) == (409, True)
    assert "that it succeeded." in answer.text


def test_a_lost_change_is_compared_with_the_record(
    console_operator: Operator, facade: Facade, caller: Caller, vendors: Emulators
) -> None:
    made = caller.create("/v1/customers?connection=hubspot", customer("hubspot"))
    path = f"/v1/customers/{made['id']}?connection=hubspot"
    operation, _ = forget_outcome(facade, caller, "PATCH", path, {"first_name": "Grace", "last_name": "Hopper"})
    where = f"{PATH}/{operation}"
    assert "has every value that was sent" in console_operator.get(where).text
    caller.write("PATCH", f"/v1/customers/other-hubspot:{made['meta']['remote_id']}", {"last_name": "Other"})
    page = unescape(console_operator.get(where).text)
    assert "has other values than were sent: last_name" in page
    assert console_operator.submit(where, f"{where}/check").status_code == 303
    until(lambda: console_operator.get(where).text, lambda text: ">succeeded<" in text)
    assert facade.sql("SELECT phase FROM operation WHERE id = $1", operation) == [{"phase": "settled"}]


def test_a_write_that_did_not_happen_frees_its_key(console_operator: Operator, facade: Facade, caller: Caller) -> None:
    operation, _ = forget_outcome(facade, caller, "POST", "/v1/customers?connection=hubspot", customer("hubspot"))
    where = f"{PATH}/{operation}"
    assert console_operator.submit(where, f"{where}/resolve", {"outcome": "failed", "remote_id": ""}).status_code == 303
    (row,) = facade.sql("SELECT outcome, idempotency_key FROM operation WHERE id = $1", operation)
    assert tuple(row.values()) == ("failed", None)
    assert console_operator.get(f"{PATH}/op_0").status_code == 404
