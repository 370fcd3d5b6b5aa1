"""Conformance of a vendor's mapping and a running system, an emulator or a real one: the system accepts every call, the
mapping reads every answer.

The steps are those of a real write: draft, send, read back. Values come from `mappings.coverage.sample_of`, so nothing
here is specific to a vendor. If a create needs more fields, `tests/mappings/<vendor>/fixtures/<object>.create.json`
has them, in canonical form.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import fields

from app.cli.vendor.emulator import RunningEmulator, RunningSystem
from app.cli.vendor.sample_account import PEOPLE, Account, Refused, SampleAccount, new_tag, unique, whole
from app.http.plurals import counted
from app.identifiers import new_id
from app.vendors.models import VendorRefused
from canonical.customer import Customer
from canonical.field_kinds import kinds_of
from canonical.same_value import same
from mappings.checks.golden import records
from mappings.checks.result import Result
from mappings.coverage import coverage, sample_of
from mappings.endpoints import ListQuery
from mappings.kit.no_change import changes_nothing
from mappings.registry import AnyMapping, AnyVendor, active
from mappings.spec import Unmappable
from mappings.stored import as_stored

DERIVED: Final = frozenset({"display_name", "status", "followers", "tags", "assignee"})
"""Fields that vendors change automatically when another field changes."""
TOGETHER: Final = (
    frozenset({"description", "description_html"}),
    frozenset({"status", "payment_status", "fulfillment_status"}),
    frozenset({"status", "line_items"}),
    frozenset({"fulfillment_status", "line_items"}),
    frozenset({"display_name", "first_name", "last_name"}),
)
"""Groups of fields that one vendor field may hold."""
NO_EMULATOR: Final = "emulators/registry.py has no emulator of it"
SECOND_TEXT: Final = "changed by the check"
NEW_RECORDS: Final = 3
SMALL_PAGE: Final = 2
"""Records of a page: the new records do not fit into one."""
MOST_PAGES: Final = 500
"""Limit of pages of a list. A real system may hold other records."""
LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""A time before the last change of every record."""


def answers(vendor: AnyVendor, emulator: RunningEmulator, root: Path) -> Result:
    """Check that set-up is repeatable, a bad token is refused, absent records are not found, and records are read."""
    if not emulator.is_there:
        return Result(cases=0, nothing=NO_EMULATOR)
    account, failures, tried = SampleAccount(vendor, emulator, root), list[str](), 0
    for request in vendor.setup:
        tried += 1
        refusal = emulator.refusal(request)
        if refusal is not None and refusal.kind != "duplicate":
            failures.append(f"setup, repeated: {request.route} is refused as {refusal.kind}")
    for mapping in _mappings(vendor):
        for failure in _check_reading(account, mapping, root):
            tried += 1
            if failure is not None:
                failures.append(failure)
    return Result(cases=tried, failures=tuple(failures))


def round_trip(vendor: AnyVendor, system: RunningSystem, root: Path) -> Result:
    """Check that a write reads back except for declared loss, that changing one field leaves the others alone, that
    null clears, and that new records are in a list that is read to its end."""
    return _each_created(vendor, system, root, "round trip", _check_writing)


def lost_create(vendor: AnyVendor, system: RunningSystem, root: Path) -> Result:
    """Check that a create with a lost reply is found by its marker, or has no second effect when it is repeated."""
    return _each_created(vendor, system, root, "lost create", _check_recovery)


def _each_created(
    vendor: AnyVendor,
    system: RunningSystem,
    root: Path,
    what: str,
    check: Callable[[SampleAccount, AnyMapping], Iterator[str | None]],
) -> Result:
    if not system.is_there:
        return Result(cases=0, nothing=NO_EMULATOR)
    failures, tried = list[str](), 0
    for mapping in _mappings(vendor):
        if mapping.endpoints.create is None or mapping.endpoints.read is None or mapping.object == "comment":
            continue
        system.reset()
        try:
            outcomes = list(check(SampleAccount(vendor, system, root), mapping))
        except (Refused, Unmappable) as error:
            outcomes = [str(error)]
        tried += len(outcomes)
        failures += [f"{mapping.name}: {failure}" for failure in outcomes if failure is not None]
    return Result(cases=tried, failures=tuple(failures), nothing=f"no object has a {what}")


def _check_reading(account: SampleAccount, mapping: AnyMapping, root: Path) -> Iterator[str | None]:
    endpoints = mapping.endpoints
    if endpoints.list is not None and endpoints.page is not None and mapping.object != "comment":
        request = endpoints.list(ListQuery(limit=2), account.facts)
        refusal = account.vendor.refusal(account.system.send(request, authorised=False))
        kind = "a success" if refusal is None else refusal.kind
        yield None if kind == "auth" else f"{mapping.name}: a bad token is read as {kind}, not auth"
        try:
            endpoints.page(account.ask(request), ListQuery(limit=2), account.facts)
            yield None
        except (Refused, Unmappable) as error:
            yield f"{mapping.name}: the list cannot be read: {error}"
    if endpoints.read is None or endpoints.create is not None:
        return  # `round_trip` covers objects that can be created
    golden = list(records(account.vendor, mapping, root))
    for case, record in golden:
        yield _check_placed(account, mapping, case, record)
    if endpoints.list is None or endpoints.page is None:
        return
    yield _check_list(account, mapping, golden, None)
    if endpoints.updated_since:
        yield _check_list(account, mapping, golden, LONG_AGO)


def _check_placed(account: SampleAccount, mapping: AnyMapping, case: str, record: msgspec.Raw) -> str | None:
    """Check a golden record of a read-only object: absent at first, and read with the same result once placed."""
    account.system.reset()
    assert mapping.endpoints.read is not None  # noqa: S101 - the caller has checked
    try:
        wanted = mapping.read(record, account.facts)
    except Unmappable:
        return None
    request = mapping.endpoints.read(wanted.remote.id, account.facts)
    reply = account.system.send(request)
    refusal = account.vendor.refusal(reply)
    if refusal is None and mapping.endpoints.record(reply, account.facts)[0] is not None:
        return f"{case}: the emulator returns it before it was placed"
    if refusal is not None and refusal.kind not in ("not_found", "not_allowed"):
        return f"{case}: an absent record is refused as {refusal.kind}: {refusal.detail}"
    if not _place(account, mapping, record):
        return f"{case}: the emulator does not accept it: name its objects like the path or the root field of a read"
    try:
        _, mapped = account.read(mapping, wanted.remote.id)
    except (Refused, Unmappable) as error:
        return f"{case}: placed in the emulator, it cannot be read: {error}"
    differing = [one for one in _read_fields(mapping) if getattr(mapped.data, one) != getattr(wanted.data, one)]
    return f"{case}: placed in the emulator, it differs in {', '.join(differing)}" if differing else None


def _check_list(
    account: SampleAccount, mapping: AnyMapping, golden: list[tuple[str, msgspec.Raw]], since: datetime | None
) -> str | None:
    """Check the list of a read-only object, with each golden record and a copy of it placed.

    Read one by one and in whole pages, the list must end, repeat no record, and have the same records both times. It
    may omit some, such as deleted ones, but not all.
    """
    listing = f"{mapping.name}: the list" + ("" if since is None else f" since {since.year}")
    account.system.reset()
    placed = sum(_place(account, mapping, record, twin=twin) for _, record in golden for twin in (False, True))
    try:
        singly = _list_ids(account, mapping, ListQuery(limit=1, updated_since=since), placed + 1)
        at_once = _list_ids(
            account, mapping, ListQuery(limit=mapping.endpoints.max_limit, updated_since=since), placed + 1
        )
    except (Refused, Unmappable) as error:
        return f"{listing} cannot be read once records are placed: {error}"
    if singly is None or at_once is None:
        return f"{listing} of {counted(placed, 'record')} does not end: is the cursor sent and advanced?"
    if len(singly) > len(set(singly)):
        return f"{listing}, read one by one, has a record twice: {', '.join(singly)}"
    if set(singly) != set(at_once):
        return f"{listing} has {counted(len(singly), 'record')} read one by one, but {len(at_once)} in whole pages"
    return f"{listing} has none of the placed golden records" if placed and not singly else None


def _list_ids(account: SampleAccount, mapping: AnyMapping, query: ListQuery, most: int) -> list[str] | None:
    """Return the ids of all records of a list, page after page. None if it has more than `most` pages."""
    endpoints, ids = mapping.endpoints, list[str]()
    assert endpoints.list is not None  # noqa: S101 - the caller has checked
    assert endpoints.page is not None  # noqa: S101 - the caller has checked
    for _ in range(most):
        page = endpoints.page(account.ask(endpoints.list(query, account.facts)), query, account.facts)
        ids += [mapping.read(record, page.account).remote.id for record in page.records]
        if page.next is None:
            return ids
        query = msgspec.structs.replace(query, after=page.next)
    return None


def _place(account: SampleAccount, mapping: AnyMapping, record: msgspec.Raw, *, twin: bool = False) -> bool:
    """Place a golden record in the emulator, or a copy that gets a new id. Return whether it was placed."""
    assert mapping.endpoints.read is not None  # noqa: S101 - the caller has checked
    try:
        remote_id = mapping.read(record, account.facts).remote.id
    except Unmappable:
        return False
    whole = msgspec.json.decode(record)
    sent = {name: value for name, value in whole.items() if str(value) != remote_id} if twin else whole
    if twin and sent == whole:
        return False  # the id is not a separate member, so no copy with another id can be made
    request = mapping.endpoints.read(remote_id, account.facts)
    # The route of a GraphQL request ends with its root field.
    names = [*request.path.strip("/").split("/"), *request.route.split(" ")[1:]]
    return any(account.system.place(name, sent) for name in names)


def check_created(
    account: Account, mapping: AnyMapping, body: dict[str, Any], draft: Any, remote_id: str
) -> Iterator[str | None]:
    """Check that a new record reads back as it was written, except for declared loss. Yield each failure, or None.

    Raises Refused, Unmappable.
    """
    _, before = account.read(mapping, remote_id)
    readable = _readable(mapping, before.data)
    # A value that was folded changes the field that it went into.
    losses = [*draft.loss, *before.loss]
    excused = {place.split("/")[1] for loss in losses for place in (loss.path, loss.place) if place}
    for name, sent in body.items():
        if name in readable and name not in excused:
            stored = msgspec.to_builtins(getattr(before.data, name))
            reads_back = _reads_back(mapping, name, sent, stored)
            yield None if reads_back else f"{name} was written as {sent!r} but reads back as {stored!r}"


def _readable(mapping: AnyMapping, data: Any) -> set[str]:
    readable = {cell.field for cell in coverage(mapping) if cell.reads}
    if isinstance(data, Customer) and data.first_name is None:
        readable -= {"first_name", "last_name"}  # this vendor stores one name and reads only that here
    return readable


def _check_writing(account: SampleAccount, mapping: AnyMapping) -> Iterator[str | None]:
    people = account.people(mapping)
    body, draft = whole(account, mapping, people)
    remote_id = account.create(mapping, draft.body, new_id("op_"))
    yield from check_created(account, mapping, body, draft, remote_id)
    if mapping.endpoints.list is not None and mapping.endpoints.page is not None:
        made = [remote_id, *(_another(account, mapping, people) for _ in range(NEW_RECORDS - 1))]
        listed = _list_ids(account, mapping, ListQuery(limit=SMALL_PAGE), MOST_PAGES)
        there = len(set(made) & set(listed or ()))
        few = f"of {NEW_RECORDS} new records, the list in pages of {SMALL_PAGE} has {there}"
        yield "the list does not end" if listed is None else few if there < NEW_RECORDS else None
    if mapping.endpoints.update is None:
        return
    readable = _readable(mapping, account.read(mapping, remote_id)[1].data)
    for cell in coverage(mapping):
        if not (cell.updates and cell.field in body and cell.field in readable and cell.field not in PEOPLE):
            continue
        for value in cell.values or (None,):
            if value != "unknown":
                # A status may forbid all further changes.
                changed = _another(account, mapping, people) if value else remote_id
                yield _check_change(account, mapping, changed, cell.field, value)


def _another(account: SampleAccount, mapping: AnyMapping, people: dict[str, Any]) -> str:
    return account.create(mapping, whole(account, mapping, people)[1].body, new_id("op_"))


def _check_change(
    account: SampleAccount, mapping: AnyMapping, remote_id: str, name: str, value: str | None
) -> str | None:
    """Change one field, to `value` of an enum, and check the record. None if it is correct, or if this record does not
    allow the change."""
    current, before = account.read(mapping, remote_id)
    value = value or unique(name, _another_value(mapping, name), new_tag())
    patch = msgspec.convert({name: value}, mapping.patch)
    draft = mapping.to_vendor(patch, current, account.facts)
    if draft.refused:
        return None
    try:
        if not changes_nothing(mapping, patch, draft.body, current, account.facts):
            account.update(mapping, remote_id, draft.body)
        _, after = account.read(mapping, remote_id)
    except Refused as refusal:
        return f"changing {name}: {refusal}"
    stored = msgspec.to_builtins(getattr(after.data, name))
    if not draft.loss and not _reads_back(mapping, name, value, stored):
        return f"{name} was changed to {value!r} but reads back as {stored!r}"
    if value == "deleted":
        return None  # a system may show less of a deleted record
    kin = frozenset({name}).union(*(group for group in TOGETHER if name in group))
    others = {field.name for field in fields(mapping.patch)} - DERIVED - kin
    moved = [one for one in sorted(others) if getattr(after.data, one, None) != getattr(before.data, one, None)]
    return f"changing {name} to {value!r} also changed {', '.join(moved)}" if moved else None


def _check_recovery(account: SampleAccount, mapping: AnyMapping) -> Iterator[str | None]:
    """Lose the reply to a create. An object whose lost creates cannot be found yields nothing."""
    recovery = mapping.endpoints.recovery.get("create")
    if recovery is None or recovery.by == "none":
        return
    _, draft = whole(account, mapping, account.people(mapping))
    marker = new_id("op_")
    made = account.create(mapping, draft.body, marker)
    if recovery.by in ("key", "unique"):
        try:
            again = account.create(mapping, draft.body, marker)
        except Refused as refusal:
            again = made if recovery.by == "unique" and refusal.kind == "duplicate" else f"a refusal ({refusal})"
        yield None if again == made else f"the same create, sent again, made {again} beside {made}"
    else:
        match = find_marked(account, mapping, draft.body, marker)
        yield None if match == made else f"the look-up of a lost create finds {match or 'nothing'}, not {made}"


def find_marked(account: Account, mapping: AnyMapping, body: Any, marker: str) -> str | None:
    """Look for the record of a create by its marker, on all pages. None without one. Raises Refused."""
    endpoints = mapping.endpoints
    request = None if endpoints.find_marker is None else endpoints.find_marker(marker, None, body, account.facts)
    while request is not None:
        try:
            reply = account.ask(request)
        except (Refused, VendorRefused) as refused:
            kind = refused.kind if isinstance(refused, Refused) else refused.refusal.kind
            if kind == "not_found":
                return None
            raise
        match = endpoints.marked(reply, marker) if endpoints.marked is not None else None
        if endpoints.alike is not None:
            match = next(iter(endpoints.alike(reply, marker, body)), None)
        if match is not None:
            return match
        request = endpoints.marker_page(request, reply)
    return None


def _another_value(mapping: AnyMapping, name: str) -> Any:
    """Return another value of a field that is no enum than the sample, where there is one."""
    field = next(field for field in fields(mapping.patch) if field.name == name)
    first = PEOPLE.get(name, sample_of(field))
    is_plain = isinstance(first, str) and not name.endswith("_at") and len(first) <= 1
    return SECOND_TEXT if is_plain else first


def _reads_back(mapping: AnyMapping, name: str, sent: Any, stored: Any) -> bool:
    """Return whether a field reads as it was sent, or as the vendor stores it. A list may hold more."""
    patch, _ = as_stored(msgspec.convert({name: sent}, mapping.patch), mapping.stores)
    value, field = getattr(patch, name), kinds_of(mapping.object)[name]
    if field.item is None or not value:
        return value is None or same(stored, value, field)
    item = field.item
    return all(any(same(other, one, item) for other in stored) for one in value)


def _read_fields(mapping: AnyMapping) -> list[str]:
    return [cell.field for cell in coverage(mapping) if cell.reads]


def _mappings(vendor: AnyVendor) -> list[AnyMapping]:
    mappings = [active(vendor, one.object) for one in vendor.mappings]
    return list(dict.fromkeys(one for one in mappings if one is not None))
