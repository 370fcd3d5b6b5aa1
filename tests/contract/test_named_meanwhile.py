"""A new record whose canonical id another process stores while its webhook is being read."""

from app.identifiers import new_id
from tests.contract.callers import Caller
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import word
from tests.contract.test_event_feeds import before
from tests.contract.waiting import until
from tests.contract.webhook_senders import WebhookEndpoint, contact_event, hubspot

LINK = """
INSERT INTO link (object, connection, remote_id, canonical_id, own_id)
VALUES ('customer', 'hubspot', $1, $2, $2)
"""


def test_a_record_named_while_its_webhook_is_read_keeps_that_id(
    facade: Facade, caller: Caller, vendors: Emulators
) -> None:
    endpoint, canonical_id = WebhookEndpoint(facade, "hubspot"), new_id("cus_")
    placed = vendors.place("hubspot", "contacts", {"properties": {"email": f"{word()}@example.com"}})
    created = contact_event(subscriptionType="contact.creation", objectId=int(placed["id"]))
    vendors.hold("hubspot", path=f"/crm/v3/objects/contacts/{placed['id']}")
    assert endpoint.accepted(hubspot(endpoint.url, created)) == (1, 0)
    vendors.await_held()
    facade.sql(LINK, placed["id"], canonical_id)
    vendors.mend()
    (receipt,) = endpoint.receipts(str(created["eventId"]))
    (event,) = until(lambda: facade.sql("SELECT id FROM event WHERE origin = $1", receipt["id"]))
    feed = caller.get("/v1/events", params={"after": before(event), "limit": 1}).json()
    assert [one["data"]["id"] for one in feed["data"]] == [canonical_id]
    assert caller.get(f"/v1/customers/hubspot:{placed['id']}").json()["id"] == canonical_id
