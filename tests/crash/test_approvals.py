"""Approved writes while the API and the workers are killed with -9: each has exactly one effect."""

from collections import Counter
from typing import Final

from tests.contract.facade import Facade
from tests.contract.samples import customer, word

WRITES: Final = 6
CONTACTS: Final = "/crm/v3/objects/contacts"


def test_a_process_that_dies_after_an_approval_costs_nothing(facade: Facade) -> None:
    marks = [word() for _ in range(WRITES)]
    with facade.calling(secret=facade.make_key("customers:write", needs_approval=True).secret) as agent:
        places = [agent.write("POST", "/v1/customers", customer("hubspot", mark)).headers["location"] for mark in marks]
    with facade.calling() as caller:
        facade.worker.kill()
        for place in places:
            assert caller.post(f"{place}/approve").status_code == 200
        facade.api.kill()  # nothing is executed yet
        assert [facade.vendors.records("hubspot", "contacts", holding=mark) for mark in marks] == [[]] * WRITES
        facade.vendors.hold("hubspot", method="POST", path=CONTACTS)
        facade.worker.start()
        facade.vendors.await_held()
        facade.worker.kill()  # one is sent, and its reply will find no one
        facade.vendors.mend()
        facade.api.start()
        facade.worker.start()
        assert Counter(caller.await_operation(place)["state"] for place in places) == {"succeeded": WRITES}
        for place in places:  # a decision that is repeated after the end changes nothing
            assert caller.post(f"{place}/approve").status_code == 200
    assert [len(facade.vendors.records("hubspot", "contacts", holding=mark)) for mark in marks] == [1] * WRITES
    finished = facade.sql("SELECT count(*) AS number FROM event WHERE type = 'operation.finished' GROUP BY origin")
    assert [row["number"] for row in finished] == [1] * WRITES
    assert facade.sql("SELECT id FROM job WHERE kind = 'execute'") == []
