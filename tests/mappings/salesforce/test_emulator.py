"""Customers against the emulator of Salesforce: every call is understood there, and every answer here."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from canonical.customer import ConsentPatch, Customer, CustomerPatch
from canonical.parts import CustomFieldPatch
from canonical.ticket import TicketPatch
from emulators.salesforce.seed import ACCOUNT_ID
from mappings.endpoints import ListQuery
from mappings.salesforce import VENDOR
from mappings.salesforce.customer_r1 import CUSTOMER
from mappings.salesforce.order_r1 import ORDER
from mappings.salesforce.ticket_r1 import TICKET
from mappings.salesforce.wire_v62 import MARKER
from mappings.spec import Unmappable
from tests.required import required

from .conftest import CUSTOM_FIELDS, EmulatedOrg, Mapping
from .people import ann

START = datetime(2020, 1, 1, tzinfo=UTC)


def test_a_customer_is_created_changed_and_archived(salesforce: EmulatedOrg) -> None:
    id = salesforce.made(CUSTOMER, ann(), "op_1").remote.id
    mapped = salesforce.read(CUSTOMER, id)
    customer: Customer = mapped.data
    assert (customer.display_name, customer.external_id) == ("Ann O'Lee", "erp/1 'x'")
    assert [phone.type for phone in customer.phones] == ["work", "mobile"]
    assert (customer.addresses[0].line2, customer.addresses[0].country_code) == ("2nd floor", "GB")
    assert mapped.remote.url == f"https://loop.lightning.example/{id}"

    consents = (ConsentPatch(channel="email", state="opted_out"),)
    salesforce.changed(CUSTOMER, id, CustomerPatch(first_name=None, phones=(), consents=consents))
    customer = salesforce.read(CUSTOMER, id).data
    assert (customer.display_name, customer.phones) == ("O'Lee", ())
    assert [(one.channel, one.state) for one in customer.consents] == [("email", "opted_out")]

    assert CUSTOMER.endpoints.archive is not None
    salesforce.must(CUSTOMER.endpoints.archive(id, salesforce.account))
    gone = salesforce.must(required(CUSTOMER.endpoints.read)(id, salesforce.account))
    assert CUSTOMER.endpoints.record(gone, salesforce.account)[0] is None
    again = required(salesforce.refusal(CUSTOMER.endpoints.archive(id, salesforce.account)))
    assert again.kind == "not_found"


@pytest.mark.parametrize(
    ("mapping", "patch"),
    [(CUSTOMER, CustomerPatch(last_name="Lee")), (TICKET, TicketPatch(subject="Seam"))],
    ids=["customer", "ticket"],
)
def test_a_lost_create_is_found_by_its_marker_and_not_made_twice(
    salesforce: EmulatedOrg, mapping: Mapping, patch: Any
) -> None:
    assert mapping.endpoints.marked is not None
    look = required(required(mapping.endpoints.find_marker)("op_1", None, None, salesforce.account))
    assert mapping.endpoints.marked(salesforce.must(look), "op_1") is None

    id = salesforce.made(mapping, patch, "op_1").remote.id
    again = required(salesforce.refusal(salesforce.create(mapping, patch, "op_1")))

    assert mapping.endpoints.marked(salesforce.must(look), "op_1") == id
    assert (again.kind, again.existing_remote_id) == ("duplicate", id)


def test_an_upsert_makes_one_and_then_changes_it(salesforce: EmulatedOrg) -> None:
    upsert, result = CUSTOMER.endpoints.upsert["external_id"], CUSTOMER.endpoints.write_result
    assert result is not None
    first, second = (
        CUSTOMER.to_vendor(ann(first_name=name), None, salesforce.account).body for name in ("Ann", "Annie")
    )

    made = result(salesforce.must(upsert("erp/1 'x'", first, "op_1", salesforce.account)), "upsert")
    changed = result(salesforce.must(upsert("erp/1 'x'", second, "op_2", salesforce.account)), "upsert")

    assert (made.created, changed.created, made.remote_id) == (True, False, changed.remote_id)
    assert salesforce.read(CUSTOMER, required(made.remote_id)).data.first_name == "Annie"
    assert len(salesforce.listed(CUSTOMER, ListQuery(limit=5))) == 1


def test_unique_keys_find_one_and_a_shared_address_finds_none(salesforce: EmulatedOrg) -> None:
    id = salesforce.made(CUSTOMER, ann(), "op_1").remote.id
    find = CUSTOMER.endpoints.find

    def id_of(key: Any, value: str) -> str | None:
        raw, account = CUSTOMER.endpoints.record(
            salesforce.must(find[key](value, salesforce.account)), salesforce.account
        )
        return None if raw is None else CUSTOMER.read(raw, account).remote.id

    assert id_of("email", "Ann.Lee@example.com") == id_of("external_id", "erp/1 'x'") == id
    assert id_of("email", "bo@example.com") is None
    assert id_of("external_id", "ERP/1 'X'") is None
    salesforce.made(CUSTOMER, ann(last_name="Leigh", external_id=msgspec.UNSET), "op_2")
    with pytest.raises(Unmappable, match="several contacts"):
        id_of("email", "ann.lee@example.com")


def test_duplicate_and_validation_rules_are_refusals(salesforce: EmulatedOrg) -> None:
    id = salesforce.made(CUSTOMER, ann(), "op_1").remote.id
    twin = salesforce.refusal(salesforce.create(CUSTOMER, ann(external_id="erp/2"), "op_2"))
    rule = {"sobject": "Contact", "field": "LastName", "contains": "Test", "message": "Nobody is called Test"}
    salesforce.place("validation_rules", **rule)
    ruled = salesforce.refusal(salesforce.create(CUSTOMER, CustomerPatch(last_name="Tester"), "op_3"))
    nameless = salesforce.refusal(salesforce.create(CUSTOMER, CustomerPatch(job_title="Tailor"), "op_4"))

    assert twin is not None
    assert (twin.kind, twin.code, twin.existing_remote_id) == ("duplicate", "DUPLICATES_DETECTED", id)
    assert ruled is not None
    assert (ruled.kind, ruled.fields) == ("rejected", (("LastName", "Nobody is called Test"),))
    assert [field for field, _ in required(nameless).fields] == ["LastName"]


@pytest.mark.parametrize("since", [None, START], ids=["all", "changes"])
def test_customers_are_listed_each_once(salesforce: EmulatedOrg, since: datetime | None) -> None:
    ids = {
        salesforce.made(
            CUSTOMER, CustomerPatch(last_name=f"Lee {place}", external_id=str(place)), f"op_{place}"
        ).remote.id
        for place in range(7)
    }

    listed = [one.remote.id for one in salesforce.listed(CUSTOMER, ListQuery(limit=3, updated_since=since))]

    assert len(listed) == len(ids)
    assert set(listed) == ids
    (one,) = salesforce.listed(CUSTOMER, ListQuery(limit=3, filters={"external_id": "3"}, updated_since=since))
    assert one.data.last_name == "Lee 3"


def test_changes_hold_what_was_archived_and_what_changed_meanwhile(salesforce: EmulatedOrg) -> None:
    first, second = (salesforce.made(CUSTOMER, CustomerPatch(last_name=name), f"op_{name}").remote.id for name in "ab")
    query = ListQuery(limit=1, updated_since=START)
    page = required(CUSTOMER.endpoints.page)(
        salesforce.must(required(CUSTOMER.endpoints.list)(query, salesforce.account)), query, salesforce.account
    )
    salesforce.now += 5
    salesforce.changed(CUSTOMER, first, CustomerPatch(first_name="Changed"))
    salesforce.must(required(CUSTOMER.endpoints.archive)(second, salesforce.account))

    rest = salesforce.listed(CUSTOMER, msgspec.structs.replace(query, after=page.next))

    assert {(one.remote.id, one.data.status) for one in rest} == {(first, "active"), (second, "archived")}


def test_changes_hold_deleted_records_of_each_object(salesforce: EmulatedOrg) -> None:
    ids = []
    for mapping, sobject, status in ((TICKET, "Case", "deleted"), (ORDER, "Order", "archived")):
        for is_deleted in (True, False):
            record = salesforce.place(sobject, IsDeleted=is_deleted, AccountId=ACCOUNT_ID)
            ids.append(record["Id"])
        changes = {
            one.remote.id: one.data.status
            for one in salesforce.listed(mapping, ListQuery(limit=3, updated_since=START))
        }
        assert changes[ids[-2]] == status
        assert changes[ids[-1]] not in ("deleted", "archived")
        assert [one.remote.id for one in salesforce.listed(mapping, ListQuery(limit=3))] == ids[-1:]


@pytest.mark.parametrize("after", ["", "id:", "id:1' OR Id != null", "at:x/y", "more:../sobjects", "more:query/x"])
def test_foreign_cursors_are_refused(salesforce: EmulatedOrg, after: str) -> None:

    with pytest.raises(ValueError, match="not a cursor"):
        required(CUSTOMER.endpoints.list)(ListQuery(limit=3, after=after), salesforce.account)


def test_custom_fields_are_stored_typed_and_replaced_whole(salesforce: EmulatedOrg) -> None:
    sent: dict[str, Any] = {
        "stitches": ["zigzag", "satin"],
        "needles": 12.5,
        "renewal": "2026-09-01",
        "visited": "2026-05-01T09:30:00Z",
        "vip": True,
        "nickname": "Nan",
        "tier": "gold",
        "account": ACCOUNT_ID,
    }
    patch = CustomerPatch(
        last_name="Lee", custom_fields=tuple(CustomFieldPatch(key=key, value=value) for key, value in sent.items())
    )
    id = salesforce.made(CUSTOMER, patch, "op_1").remote.id
    mapped = salesforce.read(CUSTOMER, id)
    assert {field.key: field.value for field in mapped.data.custom_fields} == sent
    assert (mapped.loss, mapped.data.company_name) == ((), "Loop & Hook Ltd")

    salesforce.changed(CUSTOMER, id, CustomerPatch(custom_fields=(CustomFieldPatch(key="nickname", value="Annie"),)))
    kept = {field.key: field.value for field in salesforce.read(CUSTOMER, id).data.custom_fields}
    assert kept == dict.fromkeys(sent) | {"nickname": "Annie", "vip": False}


def test_an_org_without_our_fields_is_understood(salesforce: EmulatedOrg) -> None:
    for name in (MARKER, "Lockstitch_Key__c"):
        salesforce.place("fields", sobject="Contact", name=name, hidden=True)
    salesforce.account = salesforce.learnt(CUSTOM_FIELDS)

    id = salesforce.made(CUSTOMER, CustomerPatch(last_name="Lee"), "op_1").remote.id
    draft = CUSTOMER.to_vendor(CustomerPatch(external_id="erp-1"), None, salesforce.account)

    assert salesforce.read(CUSTOMER, id).data.last_name == "Lee"
    assert required(CUSTOMER.endpoints.find_marker)("op_1", None, None, salesforce.account) is None
    assert [(one.kind, one.pointer) for one in draft.refused] == [("unsupported", "/external_id")]
    assert salesforce.listed(CUSTOMER, ListQuery(limit=5, filters={"external_id": "erp-1"})) == []


def test_the_limit_is_a_throttle_and_its_header_a_budget(salesforce: EmulatedOrg) -> None:
    answer = salesforce.send(VENDOR.account_requests[0])
    budget = VENDOR.budget(answer)
    salesforce.state.set("per_minute", 1)
    over = required(salesforce.refusal(VENDOR.account_requests[0]))

    assert required(budget).remaining > 1000
    assert (over.kind, over.retry_after) == ("throttled", 600.0)
