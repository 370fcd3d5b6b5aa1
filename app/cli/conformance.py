"""What a vendor's folder and its look-alike say to each other: every call understood there, every answer here.

The flows' own order is kept: draft, send, read back. Values come from `mappings.coverage.sample_of`, so nothing here
knows a vendor. Where a create needs more than that, `tests/mappings/<vendor>/fixtures/<object>.create.json` holds the
fields to send beside them, in our words.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import fields

from app.cli.look_alike import LookAlike
from app.cli.sample_account import INSTEAD, PEOPLE, Refused, SampleAccount, whole
from mappings.checks.golden import records
from mappings.checks.result import Result
from mappings.coverage import coverage, enum_of, sample_of
from mappings.registry import AnyMapping, AnyVendor, active
from mappings.spec import ListQuery, Unmappable

DERIVED: Final = frozenset({"display_name", "status", "followers", "tags"})
"""Fields that vendors change by themselves when another one changes."""
TOGETHER: Final = (
    frozenset({"description", "description_html"}),
    frozenset({"status", "payment_status", "fulfillment_status"}),
)
"""Fields that one value of a vendor may hold at once."""
SECOND_TEXT: Final = "changed by the check"
MOST_PAGES: Final = 10
"""Of a list at a fresh account, in which there is next to nothing."""
LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Every record has changed since then."""


def answers(vendor: AnyVendor, look_alike: LookAlike, root: Path) -> Result:
    """Set-up can be repeated, a bad token is refused, nothing is found that is not there, records are understood."""
    if not look_alike.is_there:
        return Result(cases=0, nothing="emulators/registry.py has no look-alike of it")
    account, failures, tried = SampleAccount(vendor, look_alike, root), list[str](), 0
    for request in vendor.setup:
        tried += 1
        refusal = look_alike.refusal(request)
        if refusal is not None and refusal.kind != "duplicate":
            failures.append(f"setup, repeated: {request.route} is refused as {refusal.kind}")
    for mapping in _mappings(vendor):
        for told in _reading(account, mapping, root):
            tried += 1
            if told is not None:
                failures.append(told)
    return Result(cases=tried, failures=tuple(failures))


def round_trip(vendor: AnyVendor, look_alike: LookAlike, root: Path) -> Result:
    """What is written reads back, less the declared loss; a change of one field leaves the others alone."""
    if not look_alike.is_there:
        return Result(cases=0, nothing="emulators/registry.py has no look-alike of it")
    failures, tried = list[str](), 0
    for mapping in _mappings(vendor):
        if mapping.endpoints.create is None or mapping.endpoints.read is None or mapping.object == "comment":
            continue
        look_alike.reset()
        try:
            for told in _written(SampleAccount(vendor, look_alike, root), mapping):
                tried += 1
                if told is not None:
                    failures.append(f"{mapping.name}: {told}")
        except (Refused, Unmappable) as error:
            tried += 1
            failures.append(f"{mapping.name}: {error}")
    return Result(cases=tried, failures=tuple(failures), nothing="nothing can be created and read back")


def lost_create(vendor: AnyVendor, look_alike: LookAlike, root: Path) -> Result:
    """A create whose reply was lost is found by its marker, or repeated under its key without a second effect."""
    if not look_alike.is_there:
        return Result(cases=0, nothing="emulators/registry.py has no look-alike of it")
    failures, tried = list[str](), 0
    for mapping in _mappings(vendor):
        recovery = mapping.endpoints.recovery.get("create")
        if mapping.endpoints.create is None or mapping.object == "comment" or recovery is None:
            continue
        tried += 1
        look_alike.reset()
        try:
            told = _found_again(SampleAccount(vendor, look_alike, root), mapping, by_key=recovery.by == "key")
        except (Refused, Unmappable) as error:
            told = str(error)
        if told is not None:
            failures.append(f"{mapping.name}: {told}")
    return Result(cases=tried, failures=tuple(failures), nothing="nothing can be created")


def _reading(account: SampleAccount, mapping: AnyMapping, root: Path) -> Iterator[str | None]:
    endpoints = mapping.endpoints
    if endpoints.list is not None and endpoints.page is not None and mapping.object != "comment":
        request = endpoints.list(ListQuery(limit=2), account.facts)
        refusal = account.vendor.refusal(account.look_alike.send(request, authorised=False))
        kind = "a success" if refusal is None else refusal.kind
        yield None if kind == "auth" else f"{mapping.name}: a bad token is taken for {kind}, not auth"
        try:
            endpoints.page(account.ask(request), ListQuery(limit=2), account.facts)
            yield None
        except (Refused, Unmappable) as error:
            yield f"{mapping.name}: the list cannot be read: {error}"
    if endpoints.read is None or endpoints.create is not None:
        return  # what can be written is read back by the round trip
    golden = list(records(account.vendor, mapping, root))
    for case, record in golden:
        yield _golden_when_placed(account, mapping, case, record)
    if endpoints.list is None or endpoints.page is None:
        return
    yield _list_when_placed(account, mapping, golden, None)
    if endpoints.updated_since:
        yield _list_when_placed(account, mapping, golden, LONG_AGO)


def _golden_when_placed(account: SampleAccount, mapping: AnyMapping, case: str, record: msgspec.Raw) -> str | None:
    """A golden record of an object that is only read: not there at first, and understood alike once it is placed."""
    account.look_alike.reset()
    assert mapping.endpoints.read is not None  # noqa: S101 - who calls has looked
    try:
        wanted = mapping.read(record, account.facts)
    except Unmappable:
        return None
    request = mapping.endpoints.read(wanted.remote.id, account.facts)
    reply = account.look_alike.send(request)
    refusal = account.vendor.refusal(reply)
    if refusal is None and mapping.endpoints.record(reply, account.facts)[0] is not None:
        return f"{case}: it is found at the look-alike before it was placed"
    if refusal is not None and refusal.kind not in ("not_found", "not_allowed"):
        return f"{case}: what is not there is refused as {refusal.kind}: {refusal.detail}"
    if not _place(account, mapping, record):
        return f"{case}: the look-alike takes no such record: name its objects as they stand in the path of a read"
    try:
        _, found = account.read(mapping, wanted.remote.id)
    except (Refused, Unmappable) as error:
        return f"{case}: placed at the look-alike, it cannot be read: {error}"
    differing = [one for one in _named(mapping) if getattr(found.data, one) != getattr(wanted.data, one)]
    return f"{case}: placed at the look-alike, it differs in {', '.join(differing)}" if differing else None


def _list_when_placed(
    account: SampleAccount, mapping: AnyMapping, golden: list[tuple[str, msgspec.Raw]], since: datetime | None
) -> str | None:
    """Golden records of an object that is only read, and one more of each, listed one by one and all at once: the list
    ends, shows none twice, and shows the same both times. It may leave some out, such as deleted ones, but not all."""
    told = f"{mapping.name}: the list" + ("" if since is None else f" since {since.year}")
    account.look_alike.reset()
    placed = sum(_place(account, mapping, record, twin=twin) for _, record in golden for twin in (False, True))
    try:
        singly = _walked(account, mapping, ListQuery(limit=1, updated_since=since), placed + 1)
        at_once = _walked(
            account, mapping, ListQuery(limit=mapping.endpoints.max_limit, updated_since=since), placed + 1
        )
    except (Refused, Unmappable) as error:
        return f"{told} cannot be read once records are placed: {error}"
    if singly is None or at_once is None:
        return f"{told} of {placed} records does not end: does the cursor arrive, and is it moved on?"
    if len(singly) > len(set(singly)):
        return f"{told}, one on a page, shows a record twice: {', '.join(singly)}"
    if set(singly) != set(at_once):
        return f"{told} has {len(singly)} read one by one, and {len(at_once)} on whole pages"
    return f"{told} shows none of the golden records that were placed" if placed and not singly else None


def _walked(account: SampleAccount, mapping: AnyMapping, query: ListQuery, most: int) -> list[str] | None:
    """The ids of all records of a list, page after page; None where it goes on for more than so many pages."""
    endpoints, seen = mapping.endpoints, list[str]()
    assert endpoints.list is not None  # noqa: S101 - who calls has looked
    assert endpoints.page is not None  # noqa: S101 - who calls has looked
    for _ in range(most):
        page = endpoints.page(account.ask(endpoints.list(query, account.facts)), query, account.facts)
        seen += [mapping.read(record, page.account).remote.id for record in page.records]
        if page.next is None:
            return seen
        query = msgspec.structs.replace(query, after=page.next)
    return None


def _place(account: SampleAccount, mapping: AnyMapping, record: msgspec.Raw, *, twin: bool = False) -> bool:
    """Put a golden record in, where it can be understood, or a twin to which the look-alike gives an id; whether it
    is there now."""
    assert mapping.endpoints.read is not None  # noqa: S101 - who calls has looked
    try:
        remote_id = mapping.read(record, account.facts).remote.id
    except Unmappable:
        return False
    whole = msgspec.json.decode(record)
    sent = {name: value for name, value in whole.items() if str(value) != remote_id} if twin else whole
    if twin and sent == whole:
        return False  # its id is not a member of its own
    segments = mapping.endpoints.read(remote_id, account.facts).path.strip("/").split("/")
    return any(account.look_alike.place(segment, sent) for segment in segments)


def _written(account: SampleAccount, mapping: AnyMapping) -> Iterator[str | None]:
    body, draft = whole(account, mapping, account.people(mapping))
    remote_id = account.create(mapping, draft.body, "op_check_create")
    _, before = account.read(mapping, remote_id)
    readable = {cell.field for cell in coverage(mapping) if cell.reads}
    excused = {loss.path.split("/")[1] for loss in (*draft.loss, *before.loss)}
    for name, sent in body.items():
        if name in readable and name not in excused:
            shown = msgspec.to_builtins(getattr(before.data, name))
            yield None if _reads_back(sent, shown) else f"{name} was written as {sent!r} and reads back as {shown!r}"
    if mapping.endpoints.list is not None and mapping.endpoints.page is not None:
        listed = _walked(account, mapping, ListQuery(limit=mapping.endpoints.max_limit), MOST_PAGES)
        yield None if listed is not None and remote_id in listed else "what was created is in no list"
    if mapping.endpoints.update is None:
        return
    for cell in coverage(mapping):
        if cell.updates and cell.field in body and cell.field in readable and cell.field not in PEOPLE:
            yield _changed(account, mapping, remote_id, cell.field)


def _changed(account: SampleAccount, mapping: AnyMapping, remote_id: str, name: str) -> str | None:
    """A change of one field; None where it is as it should be, or where this record does not allow that change."""
    current, before = account.read(mapping, remote_id)
    value = _second(mapping, name, msgspec.to_builtins(getattr(before.data, name)))
    draft = mapping.to_vendor(msgspec.convert({name: value}, mapping.patch), current, account.facts)
    if draft.refused:
        return None
    try:
        account.update(mapping, remote_id, draft.body)
        _, after = account.read(mapping, remote_id)
    except Refused as refusal:
        return f"a change of {name}: {refusal}"
    shown = msgspec.to_builtins(getattr(after.data, name))
    if not draft.loss and not _reads_back(value, shown):
        return f"{name} was changed to {value!r} and reads back as {shown!r}"
    kin = frozenset({name}).union(*(group for group in TOGETHER if name in group))
    others = {field.name for field in fields(mapping.patch)} - DERIVED - kin
    moved = [one for one in sorted(others) if getattr(after.data, one, None) != getattr(before.data, one, None)]
    return f"a change of {name} changed {', '.join(moved)} too" if moved else None


def _found_again(account: SampleAccount, mapping: AnyMapping, *, by_key: bool) -> str | None:
    _, draft = whole(account, mapping, account.people(mapping))
    marker = f"op_check_lost_{mapping.object}"
    made = account.create(mapping, draft.body, marker)
    if by_key:
        again = account.create(mapping, draft.body, marker)
        return None if again == made else "the same request under its key made a second record"
    endpoints = mapping.endpoints
    if endpoints.find_marker is None or endpoints.marked is None:
        return None
    request = endpoints.find_marker(marker, None, draft.body, account.facts)
    if request is None:
        return None
    found = endpoints.marked(account.ask(request), marker)
    return None if found == made else f"a lost create is looked up and {found or 'nothing'} is found, not {made}"


def _second(mapping: AnyMapping, name: str, held: Any) -> Any:
    """Another value than the one that is held."""
    field = next(field for field in fields(mapping.patch) if field.name == name)
    if enum_of(field):
        values = next(cell.values for cell in coverage(mapping) if cell.field == name)
        return next((value for value in values if value not in (held, "unknown")), held)
    first = INSTEAD.get(name, PEOPLE.get(name, sample_of(field)))
    is_plain = isinstance(first, str) and not name.endswith("_at") and len(first) <= 1
    return SECOND_TEXT if is_plain else first


def _reads_back(sent: Any, shown: Any) -> bool:
    """Whether all that was sent is shown; a vendor may show more, spell a text with spaces around it, and have another
    word for what was left out or not so."""
    if isinstance(sent, dict):
        return isinstance(shown, dict) and all(_reads_back(value, shown.get(key)) for key, value in sent.items())
    if isinstance(sent, list):
        return isinstance(shown, list | tuple) and all(any(_reads_back(one, held) for held in shown) for one in sent)
    if isinstance(sent, str) and isinstance(shown, str):
        return sent.strip().lower() == shown.strip().lower()
    return sent is None or sent is False or bool(sent == shown)


def _named(mapping: AnyMapping) -> list[str]:
    return [cell.field for cell in coverage(mapping) if cell.reads]


def _mappings(vendor: AnyVendor) -> list[AnyMapping]:
    found = [active(vendor, one.object) for one in vendor.mappings]
    return list(dict.fromkeys(one for one in found if one is not None))
