"""Conformance of a vendor's mapping and its emulator: the emulator accepts every call, the mapping reads every answer.

The steps are those of a real write: draft, send, read back. Values come from `mappings.coverage.sample_of`, so nothing
here is specific to a vendor. If a create needs more fields, `tests/mappings/<vendor>/fixtures/<object>.create.json`
has them, in canonical form.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import fields

from app.cli.vendor.emulator import RunningEmulator
from app.cli.vendor.sample_account import INSTEAD, PEOPLE, Account, Refused, SampleAccount, whole
from app.http.plurals import counted
from app.identifiers import new_id
from canonical.customer import Customer
from canonical.field_kinds import kinds_of
from canonical.same_value import same
from mappings.checks.golden import records
from mappings.checks.result import Result
from mappings.coverage import coverage, enum_of, sample_of
from mappings.kit.no_change import changes_nothing
from mappings.registry import AnyMapping, AnyVendor, active
from mappings.spec import ListQuery, Unmappable
from mappings.stored import as_stored

DERIVED: Final = frozenset({"display_name", "status", "followers", "tags"})
"""Fields that vendors change automatically when another field changes."""
TOGETHER: Final = (
    frozenset({"description", "description_html"}),
    frozenset({"status", "payment_status", "fulfillment_status"}),
    frozenset({"fulfillment_status", "line_items"}),
    frozenset({"display_name", "first_name", "last_name"}),
)
"""Groups of fields that one vendor field may hold."""
NO_EMULATOR: Final = "emulators/registry.py has no emulator of it"
SECOND_TEXT: Final = "changed by the check"
MOST_PAGES: Final = 10
"""Limit of pages for a list at a fresh account, which is nearly empty."""
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


def round_trip(vendor: AnyVendor, emulator: RunningEmulator, root: Path) -> Result:
    """Check that a write reads back except for declared loss, and that changing one field leaves the others alone."""
    if not emulator.is_there:
        return Result(cases=0, nothing=NO_EMULATOR)
    failures, tried = list[str](), 0
    for mapping in _mappings(vendor):
        if mapping.endpoints.create is None or mapping.endpoints.read is None or mapping.object == "comment":
            continue
        emulator.reset()
        try:
            for failure in _check_writing(SampleAccount(vendor, emulator, root), mapping):
                tried += 1
                if failure is not None:
                    failures.append(f"{mapping.name}: {failure}")
        except (Refused, Unmappable) as error:
            tried += 1
            failures.append(f"{mapping.name}: {error}")
    return Result(cases=tried, failures=tuple(failures), nothing="no object can be created and read back")


def lost_create(vendor: AnyVendor, emulator: RunningEmulator, root: Path) -> Result:
    """Check that a create with a lost reply is found by its marker, or has no second effect when repeated by key."""
    if not emulator.is_there:
        return Result(cases=0, nothing=NO_EMULATOR)
    failures, tried = list[str](), 0
    for mapping in _mappings(vendor):
        recovery = mapping.endpoints.recovery.get("create")
        if mapping.endpoints.create is None or mapping.object == "comment" or recovery is None:
            continue
        tried += 1
        emulator.reset()
        try:
            failure = _check_recovery(SampleAccount(vendor, emulator, root), mapping, by_key=recovery.by == "key")
        except (Refused, Unmappable) as error:
            failure = str(error)
        if failure is not None:
            failures.append(f"{mapping.name}: {failure}")
    return Result(cases=tried, failures=tuple(failures), nothing="no object can be created")


def _check_reading(account: SampleAccount, mapping: AnyMapping, root: Path) -> Iterator[str | None]:
    endpoints = mapping.endpoints
    if endpoints.list is not None and endpoints.page is not None and mapping.object != "comment":
        request = endpoints.list(ListQuery(limit=2), account.facts)
        refusal = account.vendor.refusal(account.emulator.send(request, authorised=False))
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
    account.emulator.reset()
    assert mapping.endpoints.read is not None  # noqa: S101 - the caller has checked
    try:
        wanted = mapping.read(record, account.facts)
    except Unmappable:
        return None
    request = mapping.endpoints.read(wanted.remote.id, account.facts)
    reply = account.emulator.send(request)
    refusal = account.vendor.refusal(reply)
    if refusal is None and mapping.endpoints.record(reply, account.facts)[0] is not None:
        return f"{case}: the emulator returns it before it was placed"
    if refusal is not None and refusal.kind not in ("not_found", "not_allowed"):
        return f"{case}: an absent record is refused as {refusal.kind}: {refusal.detail}"
    if not _place(account, mapping, record):
        return f"{case}: the emulator does not accept it: name its objects like the path or the root field of a read"
    try:
        _, found = account.read(mapping, wanted.remote.id)
    except (Refused, Unmappable) as error:
        return f"{case}: placed in the emulator, it cannot be read: {error}"
    differing = [one for one in _read_fields(mapping) if getattr(found.data, one) != getattr(wanted.data, one)]
    return f"{case}: placed in the emulator, it differs in {', '.join(differing)}" if differing else None


def _check_list(
    account: SampleAccount, mapping: AnyMapping, golden: list[tuple[str, msgspec.Raw]], since: datetime | None
) -> str | None:
    """Check the list of a read-only object, with each golden record and a copy of it placed.

    Read one by one and in whole pages, the list must end, repeat no record, and have the same records both times. It
    may omit some, such as deleted ones, but not all.
    """
    listing = f"{mapping.name}: the list" + ("" if since is None else f" since {since.year}")
    account.emulator.reset()
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
    endpoints, seen = mapping.endpoints, list[str]()
    assert endpoints.list is not None  # noqa: S101 - the caller has checked
    assert endpoints.page is not None  # noqa: S101 - the caller has checked
    for _ in range(most):
        page = endpoints.page(account.ask(endpoints.list(query, account.facts)), query, account.facts)
        seen += [mapping.read(record, page.account).remote.id for record in page.records]
        if page.next is None:
            return seen
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
    return any(account.emulator.place(name, sent) for name in names)


def check_created(
    account: Account, mapping: AnyMapping, body: dict[str, Any], draft: Any, remote_id: str
) -> Iterator[str | None]:
    """Check that a new record reads back as it was written, except for declared loss. Yield each failure, or None.

    Raises Refused, Unmappable.
    """
    _, before = account.read(mapping, remote_id)
    readable = _readable(mapping, before.data)
    excused = {loss.path.split("/")[1] for loss in (*draft.loss, *before.loss)}
    for name, sent in body.items():
        if name in readable and name not in excused:
            shown = msgspec.to_builtins(getattr(before.data, name))
            reads_back = _reads_back(mapping, name, sent, shown)
            yield None if reads_back else f"{name} was written as {sent!r} but reads back as {shown!r}"


def _readable(mapping: AnyMapping, data: Any) -> set[str]:
    readable = {cell.field for cell in coverage(mapping) if cell.reads}
    if isinstance(data, Customer) and data.first_name is None:
        readable -= {"first_name", "last_name"}  # this vendor stores one name and reads only that here
    return readable


def _check_writing(account: SampleAccount, mapping: AnyMapping) -> Iterator[str | None]:
    body, draft = whole(account, mapping, account.people(mapping))
    remote_id = account.create(mapping, draft.body, "op_check_create")
    yield from check_created(account, mapping, body, draft, remote_id)
    readable = _readable(mapping, account.read(mapping, remote_id)[1].data)
    if mapping.endpoints.list is not None and mapping.endpoints.page is not None:
        listed = _list_ids(account, mapping, ListQuery(limit=mapping.endpoints.max_limit), MOST_PAGES)
        yield None if listed is not None and remote_id in listed else "the created record is not in the list"
    if mapping.endpoints.update is None:
        return
    for cell in coverage(mapping):
        if cell.updates and cell.field in body and cell.field in readable and cell.field not in PEOPLE:
            yield _check_change(account, mapping, remote_id, cell.field)


def _check_change(account: SampleAccount, mapping: AnyMapping, remote_id: str, name: str) -> str | None:
    """Change one field and check the record. None if it is correct, or if this record does not allow the change."""
    current, before = account.read(mapping, remote_id)
    value = _another_value(mapping, name, msgspec.to_builtins(getattr(before.data, name)))
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
    shown = msgspec.to_builtins(getattr(after.data, name))
    if not draft.loss and not _reads_back(mapping, name, value, shown):
        return f"{name} was changed to {value!r} but reads back as {shown!r}"
    kin = frozenset({name}).union(*(group for group in TOGETHER if name in group))
    others = {field.name for field in fields(mapping.patch)} - DERIVED - kin
    moved = [one for one in sorted(others) if getattr(after.data, one, None) != getattr(before.data, one, None)]
    return f"changing {name} also changed {', '.join(moved)}" if moved else None


def _check_recovery(account: SampleAccount, mapping: AnyMapping, *, by_key: bool) -> str | None:
    _, draft = whole(account, mapping, account.people(mapping))
    marker = new_id("op_")
    made = account.create(mapping, draft.body, marker)
    if by_key:
        again = account.create(mapping, draft.body, marker)
        return None if again == made else "the same request with the same key created a second record"
    endpoints = mapping.endpoints
    if endpoints.find_marker is None or endpoints.marked is None:
        return None
    request = endpoints.find_marker(marker, None, draft.body, account.facts)
    if request is None:
        return None
    found = endpoints.marked(account.ask(request), marker)
    return None if found == made else f"the look-up of a lost create finds {found or 'nothing'}, not {made}"


def _another_value(mapping: AnyMapping, name: str, held: Any) -> Any:
    """Return a value of the field other than `held`."""
    field = next(field for field in fields(mapping.patch) if field.name == name)
    if enum_of(field):
        values = next(cell.values for cell in coverage(mapping) if cell.field == name)
        return next((value for value in values if value not in (held, "unknown")), held)
    first = INSTEAD.get(name, PEOPLE.get(name, sample_of(field)))
    is_plain = isinstance(first, str) and not name.endswith("_at") and len(first) <= 1
    return SECOND_TEXT if is_plain else first


def _reads_back(mapping: AnyMapping, name: str, sent: Any, shown: Any) -> bool:
    """Return whether a field reads as it was sent, or as the vendor stores it. A list may hold more."""
    patch, _ = as_stored(msgspec.convert({name: sent}, mapping.patch), mapping.stores)
    value, field = getattr(patch, name), kinds_of(mapping.object)[name]
    if field.item is None or not value:
        return value is None or same(shown, value, field)
    item = field.item
    return all(any(same(held, one, item) for held in shown) for one in value)


def _read_fields(mapping: AnyMapping) -> list[str]:
    return [cell.field for cell in coverage(mapping) if cell.reads]


def _mappings(vendor: AnyVendor) -> list[AnyMapping]:
    found = [active(vendor, one.object) for one in vendor.mappings]
    return list(dict.fromkeys(one for one in found if one is not None))
