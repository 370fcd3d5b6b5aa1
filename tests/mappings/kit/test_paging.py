"""Lists without a cursor: each record once, also where others change or go between two pages."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from mappings.http import VendorReply
from mappings.kit.paging import EPOCH, Keyset, Offsets, Pages, Paging, Query, Window, counted
from mappings.kit.paging import head as paging_head
from mappings.spec import ListQuery, Sort

MOST = 6
BEGIN = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)


def spell(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def head(record: Raw, by_change: bool) -> tuple[str, datetime | None]:
    member = "changed" if by_change else "created"
    read = msgspec.json.decode(record)
    return str(read["id"]), BEGIN + timedelta(seconds=read[member])


def window(asked: Window) -> Query:
    return (
        ("since", spell(asked.since or EPOCH)),
        ("by", "changed" if asked.by_change else "created"),
        ("rows", str(asked.rows)),
        ("page", str(asked.number)),
        ("exclude", ",".join(asked.exclude)),
        ("until", spell(asked.since) if asked.since is not None and asked.descending else ""),
        ("order", "desc" if asked.descending else "asc"),
    )


def full(reply: VendorReply, records: int, rows: int) -> bool:
    return records >= rows


class Shop:
    """Records of a vendor that lists them by time, from a moment on, by page number."""

    def __init__(self, times: list[int], name: Callable[[int], Any] = int) -> None:
        self.records = {id: {"id": name(id), "created": time, "changed": time} for id, time in enumerate(times, 1)}

    def answer(self, query: Query) -> tuple[Raw, ...]:
        asked = dict(query)
        by, rows = asked["by"], int(asked["rows"])
        left = set(filter(None, asked["exclude"].split(",")))
        descending, until = asked["order"] == "desc", asked["until"]

        def is_in(one: dict[str, Any]) -> bool:
            time = spell(BEGIN + timedelta(seconds=one[by]))
            return (not until or time <= until) if descending else time >= asked["since"]

        ordered = sorted(self.records.values(), key=lambda one: (one[by], one["id"]), reverse=descending)
        found = [one for one in ordered if is_in(one) and str(one["id"]) not in left]
        start = (int(asked["page"]) - 1) * rows
        return tuple(Raw(msgspec.json.encode(one)) for one in found[start : start + rows])


def pages(
    paging: Paging,
    answer: Callable[[Query], tuple[Raw, ...]],
    query: ListQuery,
    headers: Callable[[], dict[str, str]] = dict,
) -> Iterator[list[Any]]:
    while True:
        reply = VendorReply(status=200, headers=headers(), body=b"")
        kept, following = paging.page(query, answer(paging.window(query)), reply)
        yield [msgspec.json.decode(one)["id"] for one in kept]
        if following is None:
            return
        query = msgspec.structs.replace(query, after=following)


@pytest.mark.parametrize("exclude", [True, False])
@given(times=st.lists(st.integers(0, 4), max_size=40), limit=st.integers(1, MOST))
def test_a_keyset_lists_each_record_once_in_order(exclude: bool, times: list[int], limit: int) -> None:
    shop = Shop(times)
    keyset = Keyset(ask=window, head=head, spell=spell, more=full, most=MOST, exclude=exclude)

    listed = list(pages(keyset, shop.answer, ListQuery(limit=limit)))

    assert [id for page in listed for id in page] == sorted(shop.records, key=lambda id: (times[id - 1], id))
    assert all(len(page) <= limit for page in listed)


@pytest.mark.parametrize("exclude", [True, False])
@pytest.mark.parametrize("form", ["{:08d}-1f0a-4d3c-9a51-f2e80b6c4d17", "gid://shop/Order/{:04d}", "{:04d}%2F ä"])
@given(times=st.lists(st.integers(0, 4), max_size=40), limit=st.integers(1, MOST))
def test_a_keyset_lists_records_with_any_id(exclude: bool, form: str, times: list[int], limit: int) -> None:
    shop = Shop(times, form.format)
    keyset = Keyset(ask=window, head=head, spell=spell, more=full, most=MOST, exclude=exclude)

    listed = [id for page in pages(keyset, shop.answer, ListQuery(limit=limit)) for id in page]

    assert listed == [form.format(id) for id in sorted(shop.records, key=lambda id: (times[id - 1], id))]


@pytest.mark.parametrize("exclude", [True, False])
@pytest.mark.parametrize("sort", ["-created_at", "-updated_at"])
@given(times=st.lists(st.integers(0, 4), max_size=40), limit=st.integers(1, MOST))
def test_a_descending_keyset_lists_the_newest_first(exclude: bool, sort: Sort, times: list[int], limit: int) -> None:
    shop = Shop(times)
    keyset = Keyset(ask=window, head=head, spell=spell, more=full, most=MOST, exclude=exclude)

    listed = [id for page in pages(keyset, shop.answer, ListQuery(limit=limit, sort=sort)) for id in page]

    assert listed == sorted(shop.records, key=lambda id: (times[id - 1], id), reverse=True)


@pytest.mark.parametrize("exclude", [True, False])
def test_a_record_changed_during_listing_is_listed_again(exclude: bool) -> None:
    shop = Shop([0] * 5 + [1] * 5)
    keyset = Keyset(ask=window, head=head, spell=spell, more=full, most=MOST, exclude=exclude)
    listed = pages(keyset, shop.answer, ListQuery(limit=4, updated_since=BEGIN))

    first = next(listed)
    shop.records[1]["changed"] = 60
    shop.records.pop(2)

    assert first == [1, 2, 3, 4]
    assert [id for page in listed for id in page] == [5, 6, 7, 8, 9, 10, 1]


@given(gone=st.sets(st.integers(1, 9), max_size=5), limit=st.integers(1, MOST), with_total=st.booleans())
def test_offsets_miss_no_record_when_others_are_deleted(gone: set[int], limit: int, with_total: bool) -> None:
    ids = list(range(1, 21))

    def answer(query: Query) -> tuple[Raw, ...]:
        offset, rows = (int(value) for _, value in query)
        return tuple(Raw(b'{"id":%d}' % id) for id in ids[offset : offset + rows])

    def id_of(record: Raw) -> int:
        found: Any = msgspec.json.decode(record)
        return int(found["id"])

    offsets = Offsets(
        ask=lambda offset, rows: (("offset", str(offset)), ("rows", str(rows))),
        id=id_of,
        total=counted("x-total"),
        most=MOST,
    )

    def headers() -> dict[str, str]:
        return {"x-total": str(len(ids))} if with_total else {}

    listed = pages(offsets, answer, ListQuery(limit=limit), headers)
    seen = next(listed) + next(listed)
    ids[:] = [id for id in ids if id not in gone]

    rest = [id for page in listed for id in page]

    assert len(seen + rest) == len(set(seen + rest))
    assert set(ids) <= {*seen, *rest}


@given(gone=st.sets(st.integers(0, 19)), new=st.integers(0, 5), limit=st.integers(1, MOST))
def test_a_newest_first_list_by_text_misses_none_and_repeats_none(gone: set[int], new: int, limit: int) -> None:
    rows = [f"{place:04x}-uuid" for place in range(20)]

    def ask(offset: int, count: int) -> Query:
        return (("offset", str(offset)), ("rows", str(count)))

    paging = Offsets(
        ask=ask, id=lambda record: str(msgspec.json.decode(record)["id"]), most=MOST, of=str, descending=True
    )
    listed: list[str] = []
    after: str | None = None
    for turn in range(200):
        query = ListQuery(limit=limit, after=after)
        asked = dict(paging.window(query))
        newest = sorted(rows, reverse=True)
        shown = newest[int(asked["offset"]) :][: int(asked["rows"])]
        records = tuple(Raw(msgspec.json.encode({"id": id})) for id in shown)
        page, after = paging.page(query, records, VendorReply(status=200, headers={}, body=b""))
        listed += [msgspec.json.decode(record)["id"] for record in page]
        if after is None:
            break
        if turn == 0:
            rows = [id for place, id in enumerate(rows) if place not in gone] + [f"ffff-{n}" for n in range(new)]
    stayed = {f"{place:04x}-uuid" for place in range(20)} - {f"{place:04x}-uuid" for place in gone}
    assert after is None
    assert len(listed) == len(set(listed))
    assert stayed <= set(listed)


def test_a_head_reads_id_and_times_from_named_members() -> None:
    record = Raw(b'{"uuid":7,"changed":"2026-05-01T11:30:00+02:00","made":"2026-05-01T09:00:00Z"}')
    read = paging_head("uuid", time="changed", created="made")

    assert read(record, True) == ("7", BEGIN)
    assert read(record, False) == ("7", BEGIN - timedelta(minutes=30))
    assert paging_head("uuid", time="changed")(record, False) == ("7", BEGIN)


def test_pages_go_on_by_number() -> None:
    shop = Shop(list(range(8)))
    numbered = Pages(ask=window, more=full, most=MOST)

    assert list(pages(numbered, shop.answer, ListQuery(limit=4))) == [[1, 2, 3, 4], [5, 6, 7, 8], []]


@pytest.mark.parametrize(
    "paging",
    [
        Keyset(ask=window, head=head, spell=spell, more=full, most=MOST, exclude=True),
        Offsets(ask=lambda offset, rows: (), id=lambda record: 1, total=counted("x-total"), most=MOST),
        Pages(ask=window, more=full, most=MOST),
    ],
    ids=lambda paging: type(paging).__name__,
)
@given(cursor=st.text(max_size=30) | st.sampled_from(["", "0", "-1", "1.5", "٣", "2026-05-01T09:30:00Z", "x/1/"]))
def test_a_foreign_cursor_is_refused(paging: Paging, cursor: str) -> None:
    try:
        asked = paging.window(ListQuery(limit=1, after=cursor))
    except ValueError:
        return
    assert isinstance(asked, tuple)
