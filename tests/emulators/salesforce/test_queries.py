"""SOQL, as Salesforce answers it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.salesforce.errors import Refusal
from emulators.salesforce.soql import Both, Compare, Literal, Query, parse

from .conftest import Desk

BY_ID = "SELECT Id FROM Contact WHERE Id ="


def only(soql: str) -> Any:
    """The condition of a query."""
    return parse(f"SELECT Id FROM Contact WHERE {soql}").where  # noqa: S608 - nothing is carried out


def test_a_query_is_understood_whole() -> None:
    query = parse(
        "select Id, Account.Name, (SELECT Id FROM Cases LIMIT 2) from Contact where Email != null "
        "ORDER BY CreatedDate DESC NULLS LAST, Id LIMIT 5 OFFSET 2"
    )

    assert (query.fields, query.source, query.limit, query.offset) == (("Id", "Account.Name"), "Contact", 5, 2)
    assert [(sort.field, sort.descending, sort.nulls_last) for sort in query.sorts] == [
        ("CreatedDate", True, True),
        ("Id", False, False),
    ]
    assert [(child.source, child.limit) for child in query.children] == [("Cases", 2)]
    assert query.where == Compare(field="Email", sign="!=", literals=(Literal(kind="null", value=None),))


def test_conditions_are_joined_and_bracketed() -> None:
    condition = only("A = 'x' AND (B > 2 OR NOT C IN ('y', 'z')) AND D >= 2026-05-01T00:00:00.000Z AND E = true")

    assert isinstance(condition, Both)
    assert (condition.word, len(condition.parts)) == ("AND", 4)
    inner = condition.parts[1]
    assert isinstance(inner, Both)
    assert [part.word if isinstance(part, Both) else part.sign for part in inner.parts] == [">", "NOT"]


def test_escapes_are_undone() -> None:
    assert only(r"Name = 'O\'Lee \\ \n'").literals[0].value == "O'Lee \\ \n"


@pytest.mark.parametrize(
    "soql",
    [
        "",
        "SELECT FROM Contact",
        "SELECT Id FROM",
        "SELECT Id Contact",
        "SELECT Id FROM Contact WHERE",
        "SELECT Id FROM Contact WHERE A = 'x' AND B = 'y' OR C = 'z'",
        "SELECT Id FROM Contact WHERE A = x",
        "SELECT Id FROM Contact WHERE A ~ 'x'",
        r"SELECT Id FROM Contact WHERE A = 'x\q'",
        "SELECT Id FROM Contact LIMIT 'x'",
        "SELECT Id FROM Contact; DROP",
    ],
)
def test_what_is_no_query_is_refused(soql: str) -> None:
    with pytest.raises(Refusal) as refusal:
        parse(soql)
    assert refusal.value.complaint["errorCode"] == "MALFORMED_QUERY"


@given(st.text() | st.text("SELECT Id FROM WHERE'()=,.\\ 0-9").map("SELECT Id FROM Contact ".__add__))
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        assert isinstance(parse(text), Query)
    except Refusal as refusal:
        assert refusal.status == 400  # noqa: PT017 - either is well


def test_text_is_compared_without_case_and_keys_with_it(desk: Desk) -> None:
    ann = desk.made("Contact", LastName="O'Lee", Email="Ann@Example.com", Lockstitch_Key__c="Erp-1")

    assert desk.values("SELECT Id FROM Contact WHERE Email = 'ann@example.COM'", "Id") == [ann]
    assert desk.values(r"SELECT Id FROM Contact WHERE LastName LIKE 'o\'l%'", "Id") == [ann]
    assert desk.values("SELECT Id FROM Contact WHERE Lockstitch_Key__c = 'Erp-1'", "Id") == [ann]
    assert desk.values("SELECT Id FROM Contact WHERE Lockstitch_Key__c = 'erp-1'", "Id") == []
    assert desk.values(f"{BY_ID} '{ann[:15]}'", "Id") == [ann]
    assert desk.values("SELECT Id FROM Contact WHERE LastName NOT IN ('x', 'y') AND AccountId = null", "Id") == [ann]


def test_relations_and_children_are_records_inside_the_record(desk: Desk) -> None:
    account = desk.made("Account", Name="Faden")
    ann = desk.made("Contact", LastName="Lee", AccountId=account)
    desk.made("Contact", LastName="Okoro")
    desk.made("Case", Subject="Lid", ContactId=ann)

    answer = desk.query("SELECT LastName, Account.Name, (SELECT Subject FROM Cases) FROM Contact ORDER BY LastName")

    lee, okoro = answer["records"]
    assert (answer["totalSize"], answer["done"], "nextRecordsUrl" in answer) == (2, True, False)
    assert lee["attributes"] == {"type": "Contact", "url": f"/services/data/v62.0/sobjects/Contact/{ann}"}
    assert lee["Account"] == {
        "attributes": {"type": "Account", "url": f"/services/data/v62.0/sobjects/Account/{account}"},
        "Name": "Faden",
    }
    assert (lee["Cases"]["totalSize"], lee["Cases"]["records"][0]["Subject"]) == (1, "Lid")
    assert (okoro["Account"], okoro["Cases"]) == (None, None)
    assert desk.values("SELECT Id FROM Case WHERE Contact.Account.Name = 'faden'", "Id") != []


def test_long_answers_come_in_batches(desk: Desk) -> None:
    for place in range(450):
        desk.emulators.place("salesforce", "Contact", {"LastName": f"{place:03}"})

    answer = desk.query("SELECT LastName FROM Contact ORDER BY LastName DESC", batch=10)
    sizes, names = [], []
    while True:
        sizes.append(len(answer["records"]))
        names += [record["LastName"] for record in answer["records"]]
        assert answer["totalSize"] == 450
        if answer["done"]:
            break
        answer = desk.http.get(f"{desk.emulators.url}/salesforce{answer['nextRecordsUrl']}").json()

    assert sizes == [200, 200, 50]
    assert names == [f"{place:03}" for place in reversed(range(450))]
    gone = desk.http.get("query/01gdM0000000abcAAQ-200")
    assert (gone.status_code, gone.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


def test_deleted_records_are_seen_by_query_all_only(desk: Desk) -> None:
    ann = desk.made("Contact", LastName="Lee", Lockstitch_Key__c="erp-1")
    assert desk.http.delete(f"sobjects/Contact/{ann}").status_code == 204

    assert desk.query("SELECT Id FROM Contact")["records"] == []
    (deleted,) = desk.query("SELECT Id, IsDeleted FROM Contact", deleted_too=True)["records"]
    assert (deleted["Id"], deleted["IsDeleted"]) == (ann, True)
    assert desk.made("Contact", LastName="Lee", Lockstitch_Key__c="erp-1") != ann


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Foo FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Whizbang", "INVALID_TYPE"),
        ("SELECT Id FROM Contact WHERE CreatedDate > '2026-01-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE LastName = 7", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Id = 'nobody'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Foo.Name FROM Contact", "INVALID_FIELD"),
        ("SELECT Id, (SELECT Id FROM Foos) FROM Contact", "INVALID_TYPE"),
        ("SELECT Id FROM Contact OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
        ("SELECT Id FROM", "MALFORMED_QUERY"),
    ],
)
def test_queries_are_refused_by_their_code(desk: Desk, soql: str, code: str) -> None:
    desk.made("Contact", LastName="Lee")

    assert desk.refused(soql) == code
