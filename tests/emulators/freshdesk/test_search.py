"""Freshdesk's search: its language, its lag, its end."""

import pytest

from ..conftest import RunningEmulators
from .conftest import Desk, complaints


def subjects_of(desk: Desk, query: str) -> list[str]:
    """The subjects of what fits."""
    return [one["subject"] for one in desk.get("search/tickets", query=f'"{query}"')["results"]]


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """Three tickets that differ."""
    field = {"label": "Serial", "label_for_customers": "Serial", "type": "custom_text"}
    assert desk.http.post("admin/ticket_fields", json=field).status_code == 201
    desk.ticket("A", priority=4, tags=["vip", "Leather"], custom_fields={"cf_serial": "GP 39"})
    desk.ticket("B", priority=2, status=3, type="Problem", custom_fields={"cf_serial": "GP40"})
    desk.ticket("C", status=5)
    return desk


@pytest.mark.parametrize(
    ("query", "subjects"),
    [
        ("priority:4", "A"),
        ("status:3 OR status:5", "BC"),
        ("priority:1 AND status:5", "C"),
        ("(status:3 OR status:5) AND priority:2", "B"),
        ("priority:>2", "AB"),
        ("priority:<2", "BC"),
        ("tag:'leather'", "A"),
        ("type:'Problem'", "B"),
        ("type:null", "AC"),
        ("cf_serial:'GP 39'", "A"),
        ("cf_serial:'GP'", ""),
        ("created_at:>'2020-01-01'", "ABC"),
        ("updated_at:<'2020-01-01'", ""),
        ("agent_id:null", "ABC"),
    ],
)
def test_the_language(filled: Desk, query: str, subjects: str) -> None:
    assert sorted(subjects_of(filled, query)) == list(subjects)


@pytest.mark.parametrize("query", ["", "status", "colour:1", "(status:2", "status:2)", "AND", "status:2 status:3", "a"])
def test_what_is_no_query(desk: Desk, query: str) -> None:
    assert complaints(desk.http.get("search/tickets", params={"query": f'"{query}"'})) == {"query": "invalid_value"}


def test_a_query_stands_in_quotes_and_ends_somewhere(desk: Desk) -> None:
    for query in ("status:2", '"' + "status:2 OR " * 50 + 'status:2"'):
        assert complaints(desk.http.get("search/tickets", params={"query": query})) == {"query": "invalid_value"}
    assert complaints(desk.http.get("search/tickets")) == {"query": "invalid_value"}


def test_thirty_to_a_page_and_ten_pages(desk: Desk) -> None:
    for place in range(33):
        desk.ticket(f"T{place}")

    first = desk.get("search/tickets", query='"status:2"')
    second = desk.get("search/tickets", query='"status:2"', page=2)

    assert (first["total"], len(first["results"]), len(second["results"])) == (33, 30, 3)
    assert complaints(desk.http.get("search/tickets", params={"query": '"status:2"', "page": 11})) == {
        "page": "invalid_value"
    }


def test_spam_and_deleted_tickets_are_not_found(desk: Desk, emulators: RunningEmulators) -> None:
    gone, _ = desk.ticket("gone"), desk.ticket("here")
    desk.http.delete(f"tickets/{gone['id']}")
    emulators.place("freshdesk", "tickets", {"subject": "win", "spam": True})

    assert subjects_of(desk, "status:2") == ["here"]
