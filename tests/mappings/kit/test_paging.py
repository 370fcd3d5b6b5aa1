"""Lists without a cursor: each record once, also where others change or go between two pages."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from mappings.endpoints import ListQuery, Sort
from mappings.http import VendorReply
from mappings.kit.paging import EPOCH, FixedPages, Keyset, Offsets, Paging, Query, Window, counted
from mappings.kit.paging import head as paging_head
from mappings.spec import VendorDrift

MOST = 6
BEGIN = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)


def spell(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@cache
def at(seconds: int) -> str:
    return spell(BEGIN + timedelta(seconds=seconds))


def head(record: Raw, by_change: bool) -> tuple[str, datetime | None]:
    member = "changed" if by_change else "created"
    read = msgspec.json.decode(record)
    return str(read["id"]), BEGIN + timedelta(seconds=read[member])


def window(wanted: Window) -> Query:
    return (
        ("since", spell(wanted.since or EPOCH)),
        ("by", "changed" if wanted.by_change else "created"),
        ("rows", str(wanted.rows)),
        ("offset", str(wanted.offset)),
        ("until", spell(wanted.since) if wanted.since is not None and wanted.descending else ""),
        ("order", "desc" if wanted.descending else "asc"),
        ("only", spell(wanted.since) if wanted.ties and wanted.since is not None else ""),
    )


def numbered(wanted: Window) -> Query:
    """The window of a vendor with page numbers, which cannot list one time alone."""
    assert wanted.offset % wanted.rows == 0
    return tuple((name, "" if name == "only" else value) for name, value in window(wanted))


def keyset(*, is_exact: bool, of: type[int] | type[str] = int, most: int = MOST) -> Keyset:
    ask = window if is_exact else numbered
    return Keyset(ask=ask, head=head, spell=spell, most=most, of=of, is_exact=is_exact, numbered=not is_exact)


class Shop:
    """Records of a vendor that lists them by time, from a moment on. `mixed`: records of one time have an order of
    their own, which is not that of their ids."""

    def __init__(self, times: list[int], name: Callable[[int], Any] = int, *, mixed: bool = False) -> None:
        self.records = {id: {"id": name(id), "created": time, "changed": time} for id, time in enumerate(times, 1)}
        places = random.Random(len(times)).sample(range(len(times)), len(times))
        self.places = {name(id): place for id, place in enumerate(places if mixed else range(len(times)), 1)}

    def answer(self, query: Query) -> tuple[Raw, ...]:
        params = dict(query)
        by, rows, start = params["by"], int(params["rows"]), int(params["offset"])
        descending, until = params["order"] == "desc", params["until"]

        def is_in(one: dict[str, Any]) -> bool:
            time = at(one[by])
            if params["only"]:
                return time == params["only"]
            return (not until or time <= until) if descending else time >= params["since"]

        def place(one: dict[str, Any]) -> Any:
            return (one[by], one["id"]) if params["only"] else (one[by], self.places[one["id"]])

        matches = [one for one in sorted(self.records.values(), key=place, reverse=descending) if is_in(one)]
        return tuple(Raw(msgspec.json.encode(one)) for one in matches[start : start + rows])


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


@pytest.mark.parametrize("is_exact", [True, False])
@given(times=st.lists(st.integers(0, 4), max_size=40), limit=st.integers(1, MOST))
def test_a_keyset_lists_each_record_once_in_order(is_exact: bool, times: list[int], limit: int) -> None:
    shop = Shop(times)

    listed = list(pages(keyset(is_exact=is_exact), shop.answer, ListQuery(limit=limit)))

    assert [id for page in listed for id in page] == sorted(shop.records, key=lambda id: (times[id - 1], id))
    assert all(len(page) <= limit for page in listed)


@pytest.mark.parametrize("is_exact", [True, False])
@given(times=st.lists(st.integers(0, 4), max_size=40), limit=st.integers(1, MOST))
def test_records_of_one_time_need_no_known_order(is_exact: bool, times: list[int], limit: int) -> None:
    shop = Shop(times, mixed=True)

    listed = [id for page in pages(keyset(is_exact=is_exact), shop.answer, ListQuery(limit=limit)) for id in page]

    assert sorted(listed) == sorted(shop.records)
    assert [times[id - 1] for id in listed] == sorted(times)


@pytest.mark.parametrize("is_exact", [True, False])
@pytest.mark.parametrize("form", ["{:08d}-1f0a-4d3c-9a51-f2e80b6c4d17", "gid://shop/Order/{:04d}", "{:04d}%2F ä"])
@given(times=st.lists(st.integers(0, 4), max_size=40), limit=st.integers(1, MOST))
def test_a_keyset_lists_records_with_any_id(is_exact: bool, form: str, times: list[int], limit: int) -> None:
    shop, paging = Shop(times, form.format), keyset(is_exact=is_exact, of=str)

    listed = [id for page in pages(paging, shop.answer, ListQuery(limit=limit)) for id in page]

    assert listed == [form.format(id) for id in sorted(shop.records, key=lambda id: (times[id - 1], id))]


@pytest.mark.parametrize("sort", ["-created_at", "-updated_at"])
@given(times=st.lists(st.integers(0, 4), max_size=40), limit=st.integers(1, MOST))
def test_a_descending_keyset_lists_the_newest_first(sort: Sort, times: list[int], limit: int) -> None:
    shop = Shop(times)

    listed = [
        id for page in pages(keyset(is_exact=True), shop.answer, ListQuery(limit=limit, sort=sort)) for id in page
    ]

    assert listed == sorted(shop.records, key=lambda id: (times[id - 1], id), reverse=True)


@pytest.mark.parametrize("is_exact", [True, False])
def test_a_record_changed_during_listing_is_listed_again(is_exact: bool) -> None:
    shop = Shop([0] * 4 + [1] * 5)
    listed = pages(keyset(is_exact=is_exact), shop.answer, ListQuery(limit=4, updated_since=BEGIN))

    first = next(listed)
    shop.records[1]["changed"] = 60
    shop.records.pop(2)

    assert first == [1, 2, 3, 4]
    assert [id for page in listed for id in page] == [5, 6, 7, 8, 9, 1]


@pytest.mark.parametrize("is_exact", [True, False])
@pytest.mark.parametrize("form", ["{}", "order_{:026d}"])
@pytest.mark.parametrize(
    ("scale", "most", "limit"),
    [(1, 25, 5), (1, 25, 20), (1, 25, 100), pytest.param(40, 100, 100, marks=pytest.mark.long)],
)
def test_thousands_of_records_may_share_one_time(is_exact: bool, form: str, scale: int, most: int, limit: int) -> None:
    """12,000 of 25,000 records have one time, or a fortieth of both, while others change and go: none that stays is
    missed, and requests and cursors stay short."""
    chance = random.Random(limit)
    shop = Shop([0] * 150 * scale + [7] * 300 * scale + [9] * 175 * scale, form.format, mixed=True)
    paging = keyset(is_exact=is_exact, of=str, most=most)
    query, later, listed = ListQuery(limit=limit, updated_since=BEGIN), 60, list[tuple[str, int]]()
    while True:
        request = paging.window(query)
        assert sum(len(name) + len(value) for name, value in request) < 300
        records, following = paging.page(query, shop.answer(request), VendorReply(status=200, headers={}, body=b""))
        listed += [(one["id"], one["changed"]) for one in map(msgspec.json.decode, records)]
        if following is None:
            break
        assert len(following) <= 300
        query = msgspec.structs.replace(query, after=following)
        assert len(listed) < 50_000
        if later < 90:
            later += 1
            for id in chance.sample(sorted(shop.records), 2):
                shop.records[id]["changed"] = later
            shop.records.pop(chance.choice(sorted(shop.records)))

    assert {(one["id"], one["changed"]) for one in shop.records.values()} <= set(listed)
    if is_exact:
        assert len(listed) == len(set(listed))


def test_a_vendor_that_ignores_the_time_is_not_read_forever() -> None:
    shop, paging = Shop([*range(9)]), keyset(is_exact=True)

    def answer(query: Query) -> tuple[Raw, ...]:
        return shop.answer(tuple((name, spell(EPOCH) if name == "since" else value) for name, value in query))

    listed = pages(paging, answer, ListQuery(limit=4))
    assert next(listed) == [1, 2, 3, 4]
    with pytest.raises(VendorDrift):
        next(listed)


@given(gone=st.sets(st.integers(1, 9), max_size=5), limit=st.integers(1, MOST), with_total=st.booleans())
def test_offsets_miss_no_record_when_others_are_deleted(gone: set[int], limit: int, with_total: bool) -> None:
    ids = list(range(1, 21))

    def answer(query: Query) -> tuple[Raw, ...]:
        offset, rows = (int(value) for _, value in query)
        return tuple(Raw(b'{"id":%d}' % id) for id in ids[offset : offset + rows])

    def id_of(record: Raw) -> int:
        parsed: Any = msgspec.json.decode(record)
        return int(parsed["id"])

    offsets = Offsets(
        ask=lambda offset, rows: (("offset", str(offset)), ("rows", str(rows))),
        id=id_of,
        total=counted("x-total"),
        most=MOST,
    )

    def headers() -> dict[str, str]:
        return {"x-total": str(len(ids))} if with_total else {}

    listed = pages(offsets, answer, ListQuery(limit=limit), headers)
    first_pages = next(listed) + next(listed)
    ids[:] = [id for id in ids if id not in gone]

    rest = [id for page in listed for id in page]

    assert len(first_pages + rest) == len(set(first_pages + rest))
    assert set(ids) <= {*first_pages, *rest}


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
        params = dict(paging.window(query))
        newest = sorted(rows, reverse=True)
        page_ids = newest[int(params["offset"]) :][: int(params["rows"])]
        records = tuple(Raw(msgspec.json.encode({"id": id})) for id in page_ids)
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


@given(gone=st.sets(st.integers(0, 39), max_size=MOST - 1), limit=st.integers(1, MOST), turn=st.integers(1, 12))
def test_a_list_in_no_known_order_misses_none(gone: set[int], limit: int, turn: int) -> None:
    """Page numbers alone would skip as many records as were deleted before the page."""
    rows = random.Random(7).sample(range(40), 40)
    paging = Offsets(
        ask=lambda offset, rows: (("page", str(offset // rows)), ("rows", str(rows))),
        id=lambda record: int(msgspec.json.decode(record)["id"]),
        most=MOST,
        is_ordered=False,
        numbered=True,
        since=lambda moment: (("since", spell(moment)),),
    )

    def answer(query: Query) -> tuple[Raw, ...]:
        assert query[2:] == (("since", spell(BEGIN)),)
        page, size = (int(value) for _, value in query[:2])
        return tuple(Raw(b'{"id":%d}' % id) for id in rows[page * size :][:size])

    listed: list[int] = []
    for number, page in enumerate(pages(paging, answer, ListQuery(limit=limit, updated_since=BEGIN))):
        assert number < 200
        assert len(page) <= limit
        listed += page
        if number == turn:
            rows[:] = [id for id in rows if id not in gone]

    assert set(rows) <= set(listed)
    if not gone:
        assert len(listed) == len(rows)


def shuffled(number: int) -> int:
    """An id that says nothing about the place."""
    return number * 17 % 101


@pytest.mark.parametrize("name", [int, "{:04d}-4d3c/ä".format, lambda number: number ^ 1, shuffled])
@given(
    count=st.integers(0, 40),
    gone=st.dictionaries(st.integers(1, 20), st.sets(st.integers(1, 40)), max_size=3),
    limit=st.integers(1, MOST),
)
def test_fixed_pages_miss_no_record_when_others_are_deleted(
    name: Callable[[int], Any], count: int, gone: dict[int, set[int]], limit: int
) -> None:
    rows = [name(number) for number in range(1, count + 1)]
    paging = FixedPages(id=lambda record: msgspec.json.decode(record)["id"], size=MOST, of=type(name(1)))
    deleted = {turn: {name(number) for number in numbers} for turn, numbers in gone.items()}
    if name is shuffled:
        deleted = {turn: {name(number) for number in range(turn, turn + MOST - 1)} for turn in [*gone][:1]}

    def answer(query: Query) -> tuple[Raw, ...]:
        ((_, page),) = query
        return tuple(Raw(msgspec.json.encode({"id": id})) for id in rows[(int(page) - 1) * MOST : int(page) * MOST])

    listed: list[Any] = []
    for turn, page in enumerate(pages(paging, answer, ListQuery(limit=limit)), 1):
        assert turn < 400
        assert len(page) <= limit
        listed += page
        rows[:] = [id for id in rows if id not in deleted.get(turn, ())]
        if turn == 2:
            rows.append(name(50))  # a new record comes last

    assert {*rows} - {name(50)} <= {*listed}
    if not gone:
        assert [id for id in listed if id != name(50)] == [name(number) for number in range(1, count + 1)]


@pytest.mark.parametrize(
    "paging",
    [
        FixedPages(id=lambda record: 1, size=MOST),
        FixedPages(id=lambda record: "a", size=MOST, of=str),
        keyset(is_exact=True),
        keyset(is_exact=False, of=str),
        Offsets(ask=lambda offset, rows: (), id=lambda record: 1, total=counted("x-total"), most=MOST),
    ],
    ids=lambda paging: type(paging).__name__,
)
@given(cursor=st.text(max_size=30) | st.sampled_from(["", "0", "-1", "1.5", "٣", "2026-05-01T09:30:00Z", "x/1/"]))
def test_a_foreign_cursor_is_refused(paging: Paging, cursor: str) -> None:
    try:
        query = paging.window(ListQuery(limit=1, after=cursor))
    except ValueError:
        return
    assert isinstance(query, tuple)
