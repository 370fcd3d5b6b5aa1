"""Paging, search and the incremental exports, as Zendesk's API v2 behaves."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulators.zendesk.search import parsed

from .conftest import Desk


def pages(desk: Desk, path: str, params: dict[str, str | int]) -> Iterator[dict[str, Any]]:
    page = desk.get(path, **params)
    yield page
    while page["meta"]["has_more"]:
        page = desk.get(page["links"]["next"])
        yield page


def test_cursor_pages_show_every_record_once(desk: Desk) -> None:
    made = [desk.ticket(f"No. {number}")["id"] for number in range(5)]
    read = list(pages(desk, "tickets", {"page[size]": 2, "include": "users"}))
    assert [[ticket["id"] for ticket in page["tickets"]] for page in read] == [made[:2], made[2:4], made[4:]]
    assert all(page["users"] for page in read)
    assert read[-1]["meta"]["after_cursor"] is not None
    back = desk.get(read[2]["links"]["prev"])
    assert [ticket["id"] for ticket in back["tickets"]] == made[2:4]
    later = desk.ticket("Later")["id"]
    resumed = desk.get("tickets", **{"page[size]": 2, "page[after]": read[-1]["meta"]["after_cursor"]})
    assert [ticket["id"] for ticket in resumed["tickets"]] == [later]


def test_offset_pages_tell_the_count_and_the_neighbours(desk: Desk) -> None:
    made = [desk.ticket(f"No. {number}")["id"] for number in range(5)]
    page = desk.get("tickets.json", per_page=2, page=2)
    assert [ticket["id"] for ticket in page["tickets"]] == made[2:4]
    assert page["count"] == 5
    assert parse_qs(urlsplit(page["next_page"]).query) == {"per_page": ["2"], "page": ["3"]}
    assert desk.get(page["previous_page"])["previous_page"] is None
    assert desk.get("tickets.json", per_page=2, page=3)["next_page"] is None
    assert desk.http.get("tickets", params={"page": 102}).status_code == 400


@pytest.mark.parametrize("cursor", ["!", "bm90IGpzb24=", "e30="])
def test_a_cursor_that_is_none_gets_400(desk: Desk, cursor: str) -> None:
    assert desk.http.get("tickets", params={"page[after]": cursor}).status_code == 400


def test_search_answers_with_the_old_copy_until_the_lag_is_over(desk: Desk) -> None:
    def count(query: str) -> int:
        return desk.get("search", query=query)["count"]

    desk.emulators.limit("zendesk", search_lag=0)
    ticket = desk.ticket(tags=["old"])
    assert count("tags:old") == 1
    desk.change(ticket, tags=["new"])
    desk.emulators.limit("zendesk", search_lag=600)
    assert (count("tags:old"), count("tags:new")) == (1, 0)
    desk.emulators.limit("zendesk", search_lag=1)
    while count("tags:new") == 0:
        time.sleep(0.05)
    assert count("tags:old") == 0


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("type:ticket", {"lid", "handle", "spout"}),
        ("type:ticket status<solved", {"lid", "handle"}),
        ("type:ticket status:solved", {"spout"}),
        ("type:ticket priority>=high", {"handle"}),
        ("type:ticket -tags:brass", {"spout"}),
        ("type:ticket tags:brass subject:lid", {"lid"}),
        ('type:ticket "lid is stuck"', {"lid"}),
        ("type:ticket external_id:t-2", {"handle"}),
        ("type:ticket external_id:none", {"lid", "spout"}),
        ("type:ticket requester:ida@kettles.example", {"lid"}),
        ("type:ticket assignee:none", {"lid", "handle"}),
        ("type:ticket created>2001-01-01", {"lid", "handle", "spout"}),
        ("type:ticket created<2001-01-01", set()),
        ("type:ticket created>4hours", {"lid", "handle", "spout"}),
        ("type:ticket updated<1week", set()),
        ("type:ticket group:support", {"lid", "handle", "spout"}),
        ("type:ticket organization:none -group:Support", set()),
        ("type:ticket priority:none", {"lid", "spout"}),
        ("type:ticket unheard:of", set()),
    ],
)
def test_the_search_language(desk: Desk, query: str, hits: set[str]) -> None:
    ida = {"name": "Ida", "email": "ida@kettles.example"}
    desk.ticket("The lid is stuck", subject="lid", tags=["brass"], requester=ida)
    desk.ticket("It wobbles", subject="handle", tags=["brass"], external_id="t-2", priority="urgent")
    desk.ticket("Leaks", subject="spout", status="solved")
    results = desk.get("search", query=query)
    assert {one["subject"] for one in results["results"]} == hits
    assert {one["result_type"] for one in results["results"]} <= {"ticket"}
    assert desk.get("search/count", query=query)["count"] == len(hits)


def test_search_is_bounded_and_its_export_is_not(desk: Desk) -> None:
    made = [desk.ticket(f"No. {number}")["id"] for number in range(3)]
    too_deep = desk.http.get("search", params={"query": "type:ticket", "page": 11})
    assert too_deep.status_code == 422
    assert desk.http.get("search").status_code == 400
    read = list(pages(desk, "search/export", {"query": "No.", "filter[type]": "ticket", "page[size]": 2}))
    assert [one["id"] for page in read for one in page["results"]] == made


@given(st.text(max_size=60))
@settings(max_examples=300)
def test_any_text_is_a_query(text: str) -> None:
    for term in parsed(text):
        assert term.value == "" or term.value.strip('"') == term.value
        assert bool(term.field) == bool(term.comparison)


def test_the_cursor_export_gives_every_write_once(desk: Desk) -> None:
    made = [desk.ticket(f"No. {number}") for number in range(5)]
    first = desk.get("incremental/tickets/cursor.json", start_time=0, per_page=3, include="users")
    assert [ticket["id"] for ticket in first["tickets"]] == [ticket["id"] for ticket in made[:3]]
    assert (first["end_of_stream"], bool(first["users"])) == (False, True)
    second = desk.get(first["after_url"])
    assert [ticket["id"] for ticket in second["tickets"]] == [ticket["id"] for ticket in made[3:]]
    assert second["end_of_stream"] is True
    assert desk.get("incremental/tickets/cursor", cursor=second["after_cursor"])["tickets"] == []
    desk.change(made[0], priority="low")
    third = desk.get("incremental/tickets/cursor", cursor=second["after_cursor"])
    assert [ticket["id"] for ticket in third["tickets"]] == [made[0]["id"]]


def test_the_user_export_includes_the_deleted(desk: Desk) -> None:
    user = desk.user(email="ida@kettles.example")
    desk.http.delete(f"users/{user['id']}")
    exported = {one["id"]: one for one in desk.get("incremental/users/cursor", start_time=0)["users"]}
    assert exported[user["id"]]["active"] is False
    by_time = desk.get("incremental/users", start_time=0)
    assert by_time["count"] == len(by_time["users"]) == len(exported)
    assert by_time["end_of_stream"] is True


def test_an_export_leaves_out_the_last_seconds(desk: Desk) -> None:
    desk.ticket()
    desk.emulators.limit("zendesk", search_lag=3600)
    late = desk.get("incremental/tickets/cursor", start_time=0)
    assert (late["tickets"], late["end_of_stream"]) == ([], True)


def test_an_export_begins_in_the_past(desk: Desk) -> None:
    recent = desk.http.get("incremental/tickets/cursor", params={"start_time": 9_999_999_999})
    assert (recent.status_code, recent.json()["error"]) == (422, "InvalidValue")
    assert desk.http.get("incremental/tickets/cursor").status_code == 400


def test_any_payload_can_be_placed_and_is_read_as_it_is(desk: Desk) -> None:
    odd = desk.emulators.place("zendesk", "tickets", {"id": 77, "tags": None, "status": "limbo", "external_id": 5})
    desk.emulators.place("zendesk", "tickets", {"id": "seventy-eight"})
    assert desk.get("tickets/77")["ticket"] == odd
    assert {one["id"] for one in desk.get("tickets")["tickets"]} == {77, "seventy-eight"}
    assert [one["id"] for one in desk.get("tickets", external_id="5")["tickets"]] == [77]
    assert {one["id"] for one in desk.get("search", query="type:ticket -tags:x")["results"]} == {77, "seventy-eight"}
    user = desk.emulators.place("zendesk", "users", {"name": "Placed", "email": "Placed@Kettles.Example"})
    assert desk.get(f"users/{user['id']}")["user"]["email"] == "Placed@Kettles.Example"
    assert desk.http.post("users", json={"user": {"name": "X", "email": "placed@kettles.example"}}).status_code == 422
    comment = desk.emulators.place("zendesk", "comments", {"ticket_id": 77, "body": "Placed", "public": False})
    assert desk.get("tickets/77/comments")["comments"] == [comment]
