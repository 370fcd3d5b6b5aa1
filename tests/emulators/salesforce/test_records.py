"""Records: made, changed, found again, and refused, as Salesforce's REST API does it."""

import json
from typing import Any

import pytest

from emulators.salesforce import EMULATOR
from emulators.salesforce.ids import QUEUE_ID, USER_ID, eighteen
from emulators.salesforce.seed import ACCOUNT_ID, PRICEBOOK_ID, PRODUCTS

from .conftest import Desk, code_of


def test_a_record_is_made_shown_changed_and_deleted(desk: Desk) -> None:
    id = desk.made("Contact", FirstName="Ann", LastName=" Lee ", Phone="", Email="ann@example.com")
    contact = desk.http.get(f"sobjects/Contact/{id}").json()
    assert (len(id), id[:3], contact["Name"], contact["LastName"], contact["Phone"]) == (
        18,
        "003",
        "Ann Lee",
        "Lee",
        None,
    )
    assert (contact["OwnerId"], contact["IsDeleted"]) == (USER_ID, False)
    assert contact["CreatedDate"].endswith(".000+0000")

    assert desk.http.patch(f"sobjects/Contact/{id[:15]}", json={"FirstName": None}).content == b""
    few = desk.http.get(f"sobjects/Contact/{id}", params={"fields": "Name,Email"}).json()
    assert (few["Name"], few["Email"], "Phone" in few) == ("Lee", "ann@example.com", False)

    assert desk.http.delete(f"sobjects/Contact/{id}").status_code == 204
    again = desk.http.delete(f"sobjects/Contact/{id}")
    assert (again.status_code, code_of(again)) == (404, "ENTITY_IS_DELETED")


def test_an_upsert_by_key_makes_and_then_changes(desk: Desk) -> None:
    path = "sobjects/Contact/Lockstitch_Key__c/erp%2F1"
    made, changed = (desk.http.patch(path, json={"LastName": name}) for name in ("Lee", "Leigh"))

    assert (made.status_code, made.json()["created"]) == (201, True)
    assert (changed.status_code, changed.json()["created"]) == (200, False)
    contact = desk.http.get(path).json()
    assert (contact["Id"], contact["LastName"], contact["Lockstitch_Key__c"]) == (made.json()["id"], "Leigh", "erp/1")
    twice = desk.http.patch(path, json={"LastName": "Lee", "Lockstitch_Key__c": "erp/1"})
    assert (twice.status_code, code_of(twice)) == (400, "INVALID_FIELD")
    assert desk.http.patch("sobjects/Contact/LastName/Lee", json={}).status_code == 404


@pytest.mark.parametrize(
    ("fields", "code", "named"),
    [
        ({"FirstName": "Ann"}, "REQUIRED_FIELD_MISSING", ["LastName"]),
        ({"LastName": "Lee", "foo": 1}, "INVALID_FIELD", None),
        ({"LastName": "Lee", "Name": "x"}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["Name"]),
        ({"LastName": "L" * 81}, "STRING_TOO_LONG", ["LastName"]),
        ({"LastName": "Lee", "Email": "nope"}, "INVALID_EMAIL_ADDRESS", ["Email"]),
        ({"LastName": "Lee", "AccountId": "003dM00001aBcDe"}, "MALFORMED_ID", ["AccountId"]),
        ({"LastName": "Lee", "AccountId": "001dM00001aBcDe"}, "INVALID_CROSS_REFERENCE_KEY", []),
        ({"LastName": 7}, "JSON_PARSER_ERROR", None),
        ({"LastName": "Lee", "DoNotCall": "yes"}, "JSON_PARSER_ERROR", None),
    ],
)
def test_what_cannot_stand_is_refused(desk: Desk, fields: dict[str, Any], code: str, named: list[str] | None) -> None:
    answer = desk.http.post("sobjects/Contact", json=fields)

    assert (answer.status_code, code_of(answer), answer.json()[0].get("fields")) == (400, code, named)
    assert desk.query("SELECT Id FROM Contact")["records"] == []


def test_picklists_hold_their_values_only_where_they_are_restricted(desk: Desk) -> None:
    bad = desk.http.post("sobjects/Case", json={"Status": "Sleeping"})
    id = desk.made("Case", Status="Waiting for parts", Type="Something new")

    assert code_of(bad) == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert desk.http.get(f"sobjects/Case/{id}").json()["Type"] == "Something new"


def test_a_unique_value_is_taken_once_and_its_holder_named(desk: Desk) -> None:
    id = desk.made("Contact", LastName="Lee", Lockstitch_Operation__c="op_1")
    answer = desk.http.post("sobjects/Contact", json={"LastName": "Okoro", "Lockstitch_Operation__c": "op_1"})

    assert (answer.status_code, code_of(answer)) == (400, "DUPLICATE_VALUE")
    assert answer.json()[0]["message"].endswith(f"on record with id: {id[:15]}")


def test_the_duplicate_rule_can_be_overruled(desk: Desk) -> None:
    person = {"LastName": "Lee", "Email": "ann@example.com"}
    id = desk.made("Contact", **person)
    answer = desk.http.post("sobjects/Contact", json=person)
    allowed = desk.http.post(
        "sobjects/Contact", json=person, headers={"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    )

    match = answer.json()[0]["duplicateResut"]["matchResults"][0]["matchRecords"][0]
    assert (code_of(answer), match["record"]["Id"]) == ("DUPLICATES_DETECTED", id)
    assert allowed.status_code == 201


def test_a_validation_rule_speaks_for_the_administrator(desk: Desk) -> None:
    rule = {"sobject": "Case", "field": "Subject", "contains": "test", "message": "No tests, please"}
    desk.emulators.place("salesforce", "validation_rules", rule)
    answer = desk.http.post("sobjects/Case", json={"Subject": "a test"})

    assert answer.json() == [
        {"message": "No tests, please", "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "fields": ["Subject"]}
    ]


def test_a_case_is_numbered_owned_and_closed(desk: Desk) -> None:
    contact = desk.made("Contact", LastName="Lee", AccountId=ACCOUNT_ID)
    id = desk.made("Case", Subject="Lid", ContactId=contact)
    case = desk.http.get(f"sobjects/Case/{id}").json()
    assert (len(case["CaseNumber"]), case["Status"], case["IsClosed"]) == (8, "New", False)
    assert (case["AccountId"], case["OwnerId"]) == (ACCOUNT_ID, USER_ID)

    desk.http.patch(f"sobjects/Case/{id}", json={"Status": "Closed", "OwnerId": QUEUE_ID})
    case = desk.http.get(f"sobjects/Case/{id}").json()
    assert (case["IsClosed"], case["ClosedDate"] is not None, case["OwnerId"]) == (True, True, QUEUE_ID)
    desk.http.patch(f"sobjects/Case/{id}", json={"Status": "Working"})
    assert desk.http.get(f"sobjects/Case/{id}").json()["ClosedDate"] is None


def test_an_object_is_described_with_the_administrators_fields(desk: Desk) -> None:
    desk.emulators.place("salesforce", "fields", {"sobject": "Contact", "name": "Vip__c", "type": "boolean"})
    desk.emulators.place("salesforce", "fields", {"sobject": "Contact", "name": "Fax", "hidden": True})
    described = desk.http.get("sobjects/Contact/describe").json()
    fields = {field["name"]: field for field in described["fields"]}
    case = desk.http.get("sobjects/Case/describe").json()

    assert (fields["Vip__c"]["custom"], fields["Lockstitch_Key__c"]["externalId"]) == (True, True)
    assert "Fax" not in fields
    assert code_of(desk.http.post("sobjects/Contact", json={"LastName": "Lee", "Fax": "1"})) == "INVALID_FIELD"
    assert "Waiting for parts" in [
        choice["value"] for field in case["fields"] if field["name"] == "Status" for choice in field["picklistValues"]
    ]
    assert [one["developerName"] for one in case["recordTypeInfos"]] == ["Support", "Warranty", "Master"]


# ------------------------------------------------------------ several at once


def order(desk: Desk, *lines: dict[str, Any], strict: bool = True, **more: Any) -> Any:
    """What becomes of an order with its lines in one request."""
    body = {"AccountId": ACCOUNT_ID, "EffectiveDate": "2026-05-01", "Status": "Draft", "Pricebook2Id": PRICEBOOK_ID}
    parts = [
        {"method": "POST", "url": "/services/data/v62.0/sobjects/Order", "referenceId": "order", "body": body | more},
        {
            "method": "POST",
            "url": "/services/data/v62.0/composite/sobjects",
            "referenceId": "lines",
            "body": {
                "records": [
                    {"attributes": {"type": "OrderItem"}, "OrderId": "@{order.id}", "PricebookEntryId": PRODUCTS[0][1]}
                    | line
                    for line in lines
                ]
            },
        },
    ]
    answer = desk.http.post("composite", json={"allOrNone": strict, "compositeRequest": parts})
    assert answer.status_code == 200, answer.text
    return answer.json()["compositeResponse"]


def test_later_parts_name_what_earlier_ones_answered(desk: Desk) -> None:
    made, lines = order(desk, {"Quantity": 2, "UnitPrice": 19.9}, {"Quantity": 1.5, "UnitPrice": 3})
    assert (made["httpStatusCode"], lines["httpStatusCode"], len(lines["body"])) == (201, 200, 2)
    full = desk.http.get(f"sobjects/Order/{made['body']['id']}").json()
    assert (full["TotalAmount"], len(full["OrderNumber"]), full["StatusCode"]) == (44.3, 8, "Draft")

    assert desk.http.patch(f"sobjects/Order/{full['Id']}", json={"Status": "Activated"}).status_code == 204
    locked = desk.http.patch(f"sobjects/Order/{full['Id']}", json={"EffectiveDate": "2026-06-01"})
    kept = desk.http.delete(f"sobjects/Order/{full['Id']}")
    assert (code_of(locked), code_of(kept)) == ("FIELD_INTEGRITY_EXCEPTION", "DELETE_FAILED")


def test_all_or_none_takes_everything_back(desk: Desk) -> None:
    made, lines = order(desk, {"Quantity": 2, "UnitPrice": 19.9}, {"Quantity": 0, "UnitPrice": 1})
    codes = [one["errors"][0]["statusCode"] for one in lines["body"]]

    assert (made["httpStatusCode"], made["body"][0]["errorCode"]) == (400, "PROCESSING_HALTED")
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "FIELD_INTEGRITY_EXCEPTION"]
    assert desk.query("SELECT Id FROM Order")["records"] == []


def test_without_it_the_rest_stands(desk: Desk) -> None:
    _, lines = order(desk, {"Quantity": 2, "UnitPrice": 19.9}, {"Quantity": 0, "UnitPrice": 1}, strict=False)

    assert [one["success"] for one in lines["body"]] == [True, False]
    assert desk.values("SELECT TotalAmount FROM Order", "TotalAmount") == [39.8]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Status": "Activated"}, "FAILED_ACTIVATION"),
        ({"Pricebook2Id": None}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"EffectiveDate": None}, "REQUIRED_FIELD_MISSING"),
        ({"AccountId": "@{nobody.id}"}, "PROCESSING_HALTED"),
    ],
)
def test_an_order_has_its_rules(desk: Desk, fields: dict[str, Any], code: str) -> None:
    refusal = json.dumps(order(desk, {"Quantity": 1, "UnitPrice": 1}, **fields))

    assert code in refusal
    assert desk.query("SELECT Id FROM Order")["records"] == []


def test_an_empty_order_is_not_activated(desk: Desk) -> None:
    id = desk.made("Order", AccountId=ACCOUNT_ID, EffectiveDate="2026-05-01", Status="Draft")

    assert code_of(desk.http.patch(f"sobjects/Order/{id}", json={"Status": "Activated"})) == "FAILED_ACTIVATION"


# ------------------------------------------------------- nonsense and faults


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "", None, 404),
        ("GET", "sobjects/Whizbang/describe", None, 404),
        ("POST", "sobjects/Contact", b"[]", 400),
        ("POST", "sobjects/CaseStatus", b"{}", 400),
        ("POST", "composite", b"{}", 400),
        ("POST", "composite", b'{"compositeRequest":[{"method":"GET","url":"/x"}]}', 400),
        ("POST", "composite/sobjects", b'{"records":[]}', 400),
        ("POST", "composite/sobjects", b'{"records":[null]}', 400),
        ("POST", "composite", b'{"compositeRequest":[7]}', 400),
        ("POST", "composite", b'{"compositeRequest":[{"referenceId":["a"]}]}', 400),
        ("GET", "query", None, 400),
    ],
)
def test_nonsense_is_refused_with_a_code(desk: Desk, method: str, path: str, body: bytes | None, status: int) -> None:
    answer = desk.http.request(method, path, content=body)

    assert answer.status_code == status
    assert code_of(answer)


def test_ids_have_the_letters_that_recorded_ones_have() -> None:
    for recorded in ("003dM00001vWOXZQA4", "001dM00003jU9H7QAK", "8015i000000xJ0aAAE"):
        assert eighteen(recorded[:15]) == recorded
    assert "Contact" in EMULATOR.objects
