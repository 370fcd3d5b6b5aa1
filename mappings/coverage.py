"""Compute from a mapping itself which fields it reads and writes.

Reads are the keywords that build the canonical Struct, found in the mapping's syntax tree. For writes, each field is
tried with a plausible value; the mapping cannot write a field that it refuses as unsupported.
"""

import ast
import inspect
import textwrap
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from canonical.customer import ConsentPatch, EmailPatch, PhonePatch, TaxIdPatch
from canonical.order_patch import DiscountPatch, FeePatch, LineItemPatch, ShippingLinePatch
from canonical.parts import AddressPatch, CustomFieldPatch, ObjectName, ReferencePatch
from canonical.ticket import FollowerPatch
from mappings.spec import Draft, VendorMapping

AnyMapping = VendorMapping[Any, Any, Any, Any, Any]

ENVELOPE: Final = frozenset({"id", "ticket_id", "meta", "raw"})
# One plausible element for each kind of list or part, with invented people.
SAMPLES: Final[dict[type[Struct], Struct]] = {
    EmailPatch: EmailPatch(address="ann@example.com"),
    PhonePatch: PhonePatch(e164="+493012345678"),
    AddressPatch: AddressPatch(line1="1 Main Street", city="Berlin", country_code="DE"),
    TaxIdPatch: TaxIdPatch(type="eu_vat", value="DE123456789"),
    ConsentPatch: ConsentPatch(channel="email", state="opted_in"),
    ReferencePatch: ReferencePatch(remote_id="1"),
    LineItemPatch: LineItemPatch(name="Mug", quantity="1", unit_price="5.00"),
    DiscountPatch: DiscountPatch(code="SPRING", amount="1.00"),
    ShippingLinePatch: ShippingLinePatch(title="Post", price="4.00"),
    FeePatch: FeePatch(name="Cash on delivery", amount="3.00"),
    FollowerPatch: FollowerPatch(remote_id="1"),
    CustomFieldPatch: CustomFieldPatch(key="sample", value="x"),
}
TEXTS: Final = {
    "currency": "EUR",
    "presentment_currency": "EUR",
    "language": "en",
    "timezone": "Europe/Berlin",
    "display_name": "Ann Lee",
    "first_name": "Ann",
    "last_name": "Lee",
    "company_name": "Lee Ltd",
    "due_at": "2099-01-01T00:00:00Z",
}


PERSON: Final[Mapping[ObjectName, str]] = {"order": "customer", "ticket": "requester"}
"""The filter of each object that names a person: by id or, like the filter `email`, by e-mail address."""


class FieldCoverage(Struct, frozen=True, kw_only=True):
    """The coverage of one canonical field at one vendor. `values` are the enum values that can be written."""

    field: str
    """Name of the canonical field. Example: `"lifecycle_stage"`"""
    reads: bool
    """Whether a read can return the field. Example: `true`"""
    creates: bool
    """Whether a create can set the field. Example: `true`"""
    updates: bool
    """Whether an update can change the field. Example: `true`"""
    values: tuple[str, ...] = ()
    """Values of an enum that can be written. Example: `["lead", "customer"]`"""


def offered_filters(mapping: AnyMapping) -> tuple[str, ...]:
    """Return the filters of the lists of this object, in alphabetical order."""
    offered, person = mapping.endpoints.filters, PERSON.get(mapping.object)
    return tuple(sorted({*offered, *([person] if person is not None and "email" in offered else [])}))


@lru_cache(maxsize=256)
def unsupported(mapping: AnyMapping) -> tuple[str, ...]:
    """Return the canonical fields that this mapping never supplies, for `meta.unsupported`, without `_raw` fields."""
    supplied = _supplied(mapping)
    return tuple(
        field.name
        for field in fields(mapping.model)
        if field.name not in supplied | ENVELOPE and not field.name.endswith("_raw")
    )


@lru_cache(maxsize=256)
def coverage(mapping: AnyMapping) -> tuple[FieldCoverage, ...]:
    """Return the coverage of every canonical field."""
    supplied = _supplied(mapping)
    writable = {field.name: field for field in fields(mapping.patch)}
    rows = []
    for field in fields(mapping.model):
        if field.name in ENVELOPE or field.name.endswith("_raw"):
            continue
        patchable = writable.get(field.name)
        rows.append(
            FieldCoverage(
                field=field.name,
                reads=field.name in supplied,
                creates=patchable is not None and mapping.endpoints.create is not None and _holds(mapping, patchable),
                updates=patchable is not None and mapping.endpoints.update is not None and _updates(mapping, patchable),
                values=() if patchable is None else writable_values(mapping, field.name),
            )
        )
    return tuple(rows)


@lru_cache(maxsize=1024)
def writable_values(mapping: AnyMapping, field_name: str) -> tuple[str, ...]:
    """Return the values of an enum field that this mapping can write as they are, not as a near value. Empty for any
    other field."""
    field = next((field for field in fields(mapping.patch) if field.name == field_name), None)
    if field is None:
        return ()
    literal = _literal_of(field.type)
    return tuple(value for value in literal if _writes(mapping, {field.encode_name: value}, field_name))


@lru_cache(maxsize=64)
def _supplied(mapping: AnyMapping) -> frozenset[str]:
    """Return the keywords of every call that builds the model in the mapping's module. If the mapping builds on an
    earlier revision, include that revision's keywords and those of `replace`.

    Raises ValueError if the keywords cannot be found, to report a mapping in another style.
    """
    module = inspect.getmodule(mapping.to_canonical)
    source = (
        inspect.getsource(module) if module is not None else textwrap.dedent(inspect.getsource(mapping.to_canonical))
    )
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    built = [call for call in calls if _called(call) == mapping.model.__name__]
    if mapping.builds_on is not None:
        # It replaces some fields of the resource that the earlier revision mapped.
        built = [call for call in calls if _called(call) == "replace" and _is_mapped_data(call)]
    if not built or any(keyword.arg is None for call in built for keyword in call.keywords):
        raise ValueError(f"{mapping.name} does not build its {mapping.model.__name__} from explicit keyword arguments")
    own = frozenset(
        keyword.arg
        for call in built
        for keyword in call.keywords
        if keyword.arg is not None and not _is_empty(keyword.value)
    )
    return own if mapping.builds_on is None else own | _supplied(mapping.builds_on)


def _is_mapped_data(replaced: ast.Call) -> bool:
    """Return whether the call replaces fields of a mapped record's `data`, as in `replace(before.data, emails=…)`."""
    return bool(replaced.args) and getattr(replaced.args[0], "attr", "") == "data"


def _is_empty(value: ast.expr) -> bool:
    """Return whether a field is set to a literal None or (): written for clarity, never supplied."""
    if isinstance(value, ast.Tuple):
        return not value.elts
    return isinstance(value, ast.Constant) and value.value is None


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def _holds(mapping: AnyMapping, field: FieldInfo) -> bool:
    return _tried(mapping, field, None)


def _updates(mapping: AnyMapping, field: FieldInfo) -> bool:
    current = _blank(mapping)
    return current is not None and _tried(mapping, field, current)


def _tried(mapping: AnyMapping, field: FieldInfo, current: Any) -> bool:
    literal = _literal_of(field.type)
    candidates = [value for value in literal if value != "unknown"] if literal else [sample_of(field)]
    return any(not _refuses(mapping, {field.encode_name: value}, field.name, current) for value in candidates)


def _writes(mapping: AnyMapping, body: dict[str, Any], field_name: str) -> bool:
    draft = _drafted(mapping, body, None)
    is_changed = any(loss.path == f"/{field_name}" and loss.kind == "coerced" for loss in draft.loss)
    return not is_changed and not _refuses(mapping, body, field_name, None)


def _drafted(mapping: AnyMapping, body: dict[str, Any], current: Any) -> Draft[Any]:
    # Unwrap `changes_only`: it omits values that equal those of the blank record.
    draft: Draft[Any] = inspect.unwrap(mapping.to_vendor)(
        msgspec.convert(body, mapping.patch), current, _default_account(mapping)
    )
    return draft


def _refuses(mapping: AnyMapping, body: dict[str, Any], field_name: str, current: Any) -> bool:
    """Return whether the mapping refuses this field. `invalid` counts only for an enum: for any other field, the sample
    may be a value that the account lacks."""
    draft = _drafted(mapping, body, current)
    enum = bool(_literal_of(next(field.type for field in fields(mapping.patch) if field.name == field_name)))
    return any(
        refusal.pointer.startswith(f"/{field_name}") and (refusal.kind == "unsupported" or enum)
        for refusal in draft.refused
    )


@lru_cache(maxsize=64)
def _default_account(mapping: AnyMapping) -> Any:
    """Return the vendor's documented defaults: the account Struct without fetched facts."""
    return mapping.account()


@lru_cache(maxsize=64)
def _blank(mapping: AnyMapping) -> Any:
    """Return a minimal record that fits the wire Struct, for updates."""
    return _blank_of(mapping.record)


def _blank_of(kind: Any) -> Any:
    if not (isinstance(kind, type) and issubclass(kind, Struct)):
        return _zero(kind)
    values = {field.name: _zero(field.type) for field in fields(kind) if field.required}
    return kind(**values)


def _zero(kind: Any) -> Any:
    origin = get_origin(kind)
    if origin is Annotated:
        return _zero(get_args(kind)[0])
    if origin is Union or type(kind).__name__ == "UnionType":
        options = get_args(kind)
        return None if type(None) in options else _zero(options[0])
    if origin is Literal:
        return get_args(kind)[0]
    if origin in (tuple, list, dict):
        return origin()
    if isinstance(kind, type) and issubclass(kind, Struct):
        return _blank_of(kind)
    if kind in (str, int, float, bool, Decimal):
        return {str: "1", int: 1, float: 1.0, bool: False, Decimal: Decimal(1)}[kind]
    return msgspec.convert("2026-01-01T00:00:00Z", kind) if kind is not None else None


def _literal_of(kind: Any) -> tuple[str, ...]:
    if get_origin(kind) is Literal:
        return tuple(str(value) for value in get_args(kind))
    for option in get_args(kind):
        if values := _literal_of(option):
            return values
    return ()


def enum_of(field: FieldInfo) -> tuple[str, ...]:
    """Return the values of an enum field, in the order of the model. Empty for any other field."""
    return _literal_of(field.type)


def sample_of(field: FieldInfo) -> Any:
    """Return a plausible JSON value for a field of a Patch, with invented people."""
    for option in (field.type, *get_args(field.type)):
        if isinstance(option, type) and issubclass(option, Struct):
            return msgspec.to_builtins(SAMPLES[option])
        if get_origin(option) is tuple:
            inner = get_args(option)[0]
            struct = isinstance(inner, type) and issubclass(inner, Struct)
            return [msgspec.to_builtins(SAMPLES[inner]) if struct else "sample"]
    if field.name in TEXTS:
        return TEXTS[field.name]
    if field.name.endswith("_at"):
        return "2026-01-01T00:00:00Z"
    return True if bool in get_args(field.type) else "1"
