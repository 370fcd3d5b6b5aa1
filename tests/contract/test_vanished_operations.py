"""An operation that is deleted while its request still runs: the request begins again."""

from concurrent.futures import ThreadPoolExecutor

from tests.contract.callers import Caller, new_key
from tests.contract.facade import Facade
from tests.contract.samples import customer
from tests.contract.waiting import TIMEOUT, until


def test_a_request_whose_operation_is_gone_begins_again(facade: Facade, caller: Caller) -> None:
    made, key = caller.create("/v1/customers", customer("hubspot")), new_key()
    facade.vendors.hold("hubspot", method="GET", path="/crm/v3/objects/contacts/*")

    with ThreadPoolExecutor() as threads:
        change = threads.submit(
            caller.write, "PATCH", f"/v1/customers/{made['id']}", {"job_title": "Sailmaker"}, key=key
        )
        # As a second owner does, who took over and found that it never was a write.
        until(lambda: facade.sql("DELETE FROM operation WHERE idempotency_key = $1 RETURNING id", key))
        facade.vendors.mend()
        answer = change.result(TIMEOUT)

    assert answer.status_code == 200, answer.text
    assert answer.json()["job_title"] == "Sailmaker"
    assert len(facade.sql("SELECT id FROM operation WHERE idempotency_key = $1", key)) == 1
