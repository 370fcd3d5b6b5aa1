"""Golden records in `tests/mappings/<vendor>/fixtures`: `<object>-<case>.in.json` must map to its `.out.json`.

The payload is a bare record, a whole answer or a webhook body, as for `unwrap`. The expectation is one mapped record,
or a list of several. `<case>.rN.out.json` is the expectation for a later revision. The account facts are in
`account.json` of the same folder; without the file, the vendor's documented defaults apply.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from mappings.checks.result import Result, raised
from mappings.endpoints import ListQuery
from mappings.http import VendorReply
from mappings.registry import AnyMapping, AnyVendor, active, mapping_of
from mappings.spec import Mapped, Unmappable, decode

FOLDER: Final = "tests/mappings/{vendor}/fixtures"
ACCOUNT: Final = "account.json"


class Case(Struct, frozen=True, kw_only=True):
    """One golden record: the payload, and the result that one revision must produce."""

    name: str
    object: str
    revision: int
    sent: bytes
    expected: Raw


def cases(vendor: AnyVendor, root: Path) -> Iterator[Case]:
    """Yield the golden records of a vendor in the checkout at `root`, by name."""
    for path, sent in _pairs(vendor, root):
        if not sent.exists():
            continue
        name, _, revision = path.name.removesuffix(".out.json").partition(".r")
        yield Case(
            name=path.name.removesuffix(".out.json"),
            object=name.partition("-")[0],
            revision=int(revision or 1),
            sent=sent.read_bytes(),
            expected=Raw(path.read_bytes()),
        )


def account_of(vendor: AnyVendor, root: Path) -> Any:
    """Return the account facts of the golden records. Raises Unmappable for an invalid file."""
    kind = vendor.mappings[0].account
    file = root / FOLDER.format(vendor=vendor.name) / ACCOUNT
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind) if file.exists() else kind()
    except msgspec.MsgspecError as error:
        raise Unmappable(ACCOUNT, str(error)) from error


def map_payload(vendor: AnyVendor, mapping: AnyMapping, payload: bytes, account: Any) -> list[Mapped[Any]]:
    """Map every record of a payload, in any of its shapes, with the related people in the same payload.

    Raises Unmappable for an unknown payload.
    """
    records = vendor.unwrap(payload, mapping.object)
    is_bare = len(records) == 1 and msgspec.json.decode(records[0]) == msgspec.json.decode(payload)
    known = account if is_bare else _enriched(mapping, payload, account)
    return [_read(mapping, record, known) for record in records]


def records(vendor: AnyVendor, mapping: AnyMapping, root: Path) -> Iterator[tuple[str, Raw]]:
    """Yield the recorded inputs in the API's own shape, each with the name of its case. Reads no expected result."""
    folder = root / FOLDER.format(vendor=vendor.name)
    for path in sorted(folder.glob(f"{mapping.object}-*.in.json")):
        for record in unwrapped(vendor, mapping, path.read_bytes()):
            if not any(shape.matches(_members(record)) for shape in mapping.shapes):
                yield path.name.removesuffix(".in.json"), record


def golden(vendor: AnyVendor, root: Path) -> Result:
    """Check that every golden record maps to its expectation, and that every object has one."""
    account = account_of(vendor, root)
    golden_cases = list(cases(vendor, root))
    failures = [failure for case in golden_cases for failure in _failures(vendor, case, account)]
    failures += [f"{name}.in.json has no .out.json" for name in unanswered(vendor, root)]
    failures += [f"{path.name} has no {sent.name}" for path, sent in _pairs(vendor, root) if not sent.exists()]
    missing = {mapping.object for mapping in vendor.mappings} - {case.object for case in golden_cases}
    failures += [f"there is no golden record of a {name}" for name in sorted(missing)]
    return Result(cases=len(golden_cases), failures=tuple(failures), nothing="there are no golden records")


def unanswered(vendor: AnyVendor, root: Path) -> list[str]:
    """Return the cases without an `.out.json`."""
    answered = {sent for _, sent in _pairs(vendor, root)}
    sent = sorted((root / FOLDER.format(vendor=vendor.name)).glob("*.in.json"))
    return [path.name.removesuffix(".in.json") for path in sent if path not in answered]


def write_unanswered(vendor: AnyVendor, root: Path) -> list[str]:
    """Write the `.out.json` of each case that has none, with the newest revision, for a person to review. Return their
    paths. Existing files stay unchanged.

    Raises Unmappable, with the name of the case before the path, for a payload that cannot be mapped.
    """
    folder, account = root / FOLDER.format(vendor=vendor.name), account_of(vendor, root)
    written = []
    for name in unanswered(vendor, root):
        wanted: Any = name.partition("-")[0]
        mapping = active(vendor, wanted)
        if mapping is None:
            raise Unmappable(name, f"{vendor.name} has no mapping of a {wanted}: name a case <object>-<case>")
        try:
            mapped = map_payload(vendor, mapping, (folder / f"{name}.in.json").read_bytes(), account)
        except Unmappable as refusal:
            raise Unmappable(f"{name}.in.json, {refusal.path}", refusal.reason) from refusal
        result = mapped[0] if len(mapped) == 1 else mapped
        suffix = "" if mapping.revision == 1 else f".r{mapping.revision}"
        file = folder / f"{name}{suffix}.out.json"
        file.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
        written.append(file.relative_to(root).as_posix())
    return written


def _pairs(vendor: AnyVendor, root: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each `.out.json` with its `.in.json`."""
    folder = root / FOLDER.format(vendor=vendor.name)
    for path in sorted(folder.glob("*.out.json")):
        yield path, folder / f"{path.name.removesuffix('.out.json').partition('.r')[0]}.in.json"


def _failures(vendor: AnyVendor, case: Case, account: Any) -> Iterator[str]:
    wanted: Any = case.object
    mapping = mapping_of(vendor, wanted, case.revision)
    if mapping is None:
        yield f"{case.name}: there is no {vendor.name}.{case.object} r{case.revision}"
        return
    try:
        msgspec.json.decode(case.sent)
    except msgspec.DecodeError as error:
        yield f"{case.name.partition('.r')[0]}.in.json: {error}"
        return
    try:
        expected = msgspec.json.decode(case.expected)
    except msgspec.DecodeError as error:
        yield f"{case.name}.out.json: {error}"
        return
    try:
        mapped = map_payload(vendor, mapping, case.sent, account)
    except Unmappable as refusal:
        yield f"{case.name}: refused at {refusal.path}: {refusal.reason}"
        return
    except Exception as error:  # noqa: BLE001 - the check looks for any other exception
        yield f"{case.name}: {raised(error)}"
        return
    present = msgspec.json.decode(msgspec.json.encode(mapped))
    if not isinstance(expected, list) and len(present) == 1:
        present = present[0]
    if present != expected:
        yield f"{case.name}: {_difference('', expected, present)}"


def _difference(path: str, expected: Any, present: Any) -> str:
    """Describe the first difference. Golden records hold invented people, so values may be shown."""
    if isinstance(expected, dict) and isinstance(present, dict):
        for key in expected.keys() | present.keys():
            if expected.get(key, ...) != present.get(key, ...):
                return _difference(f"{path}/{key}", expected.get(key, ...), present.get(key, ...))
    if isinstance(expected, list) and isinstance(present, list) and len(expected) == len(present):
        for place, (one, other) in enumerate(zip(expected, present, strict=True)):
            if one != other:
                return _difference(f"{path}/{place}", one, other)
    texts = ["nothing" if one is ... else msgspec.json.encode(one).decode()[:200] for one in (expected, present)]
    return f"at {path or '/'} {texts[0]} is expected, got {texts[1]}"


def _enriched(mapping: AnyMapping, payload: bytes, account: Any) -> Any:
    """Return the account facts with the related records of an answer. A payload that is not an answer adds nothing."""
    reply = VendorReply(status=200, headers={}, body=payload)
    endpoints = mapping.endpoints
    try:
        if endpoints.page is not None:
            account = endpoints.page(reply, ListQuery(limit=endpoints.max_limit), account).account
    except (Unmappable, msgspec.MsgspecError):
        pass
    try:
        _, account = endpoints.record(reply, account)
    except (Unmappable, msgspec.MsgspecError):
        return account
    return account


def unwrapped(vendor: AnyVendor, mapping: AnyMapping, payload: bytes) -> tuple[Raw, ...]:
    """Return the records of a golden input. Empty for a payload without any."""
    try:
        return vendor.unwrap(payload, mapping.object)
    except Unmappable:
        return ()


def _read(mapping: AnyMapping, record: Raw, account: Any) -> Mapped[Any]:
    names = _members(record)
    for shape in mapping.shapes:
        if shape.matches(names):
            return shape.to_canonical(decode(record, shape.record), account)
    return mapping.read(record, account)


def _members(record: Raw) -> frozenset[str]:
    try:
        return frozenset(msgspec.json.decode(record, type=dict[str, Raw]))
    except msgspec.MsgspecError:
        return frozenset()
