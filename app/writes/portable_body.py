"""Make a body portable: what it clears by accident counts as absent, and each vendor's id has its connection."""

from typing import Any

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from app.errors import InvalidField
from app.http.decode_body import DecodedBody
from app.problem_document import FieldError
from app.records.resolve import AnyMapping
from canonical.order_body import completed
from canonical.order_patch import OrderPatch
from canonical.output_only import READING
from canonical.parts import Loss
from canonical.portable import MERGED, origin_of, without_clearing
from canonical.references import references_of, vendor_ids, with_source
from mappings.coverage import coverage


class PortableBody(Struct, frozen=True, kw_only=True):
    """A body for one connection: what to write, whether lists are merged with those of the record, and what of a new
    order went into another field."""

    patch: Any
    body: bytes
    ignored: tuple[str, ...] = ()
    merges: bool = False
    folded: tuple[Loss, ...] = ()


def make_portable(
    sent: DecodedBody[Any],
    body: bytes,
    mapping: AnyMapping,
    *,
    creates: bool,
    target: str,
    by_email: bool = False,
    copies: bool = False,
) -> PortableBody:
    """Return the body for the connection `target`. `creates`: the verb never clears a field. `by_email`: it updates the
    record that has the e-mail address. `copies`: it is a copy, whose bodies are compared with each other."""
    patch: Any = sent.patch
    if type(patch) not in READING:
        return PortableBody(patch=patch, body=body, ignored=sent.ignored)
    origin = origin_of(sent.meta)
    is_foreign = origin.connection not in (None, target)
    if creates or is_foreign:
        patch = without_clearing(patch)
    elif origin.missing:
        patch = without_clearing(patch, lambda name: name not in origin.missing)
    _refuse_unplaced(patch, origin.connection)
    patch = with_source(patch, origin.connection)
    patch, folded = _one_text(patch, mapping), tuple[Loss, ...]()
    if (creates or copies) and isinstance(patch, OrderPatch):
        whole = completed(patch, sent.totals, total_counts=origin.total_counts)
        patch, folded = whole.patch, whole.folded
    return PortableBody(
        patch=patch,
        body=body if patch is sent.patch and not sent.ignored else msgspec.json.encode(patch),
        ignored=sent.ignored,
        merges=(creates or is_foreign) and any(_is_merged(patch, name, by_email) for name in MERGED),
        folded=folded,
    )


def _refuse_unplaced(patch: Struct, source: str | None) -> None:
    """Raise InvalidField for a vendor's id of an unknown connection."""
    if source is not None:
        return
    detail = 'has no connection: send connection with it, or send id as "<connection>:<vendor id>"'
    errors = [
        FieldError(pointer=f"{pointer}/{name}", detail=detail)
        for pointer, one in references_of(patch)
        if one.connection is None
        for name in vendor_ids(one)
    ]
    if errors:
        raise InvalidField.listing(errors)


def _one_text(patch: Any, mapping: AnyMapping) -> Any:
    """Return the patch with a text in one form, where it has it as HTML as well: in the one that the vendor stores."""
    for text, html in (("description", "description_html"), ("body_text", "body_html")):
        if isinstance(getattr(patch, text, None), str) and isinstance(getattr(patch, html, None), str):
            stored = any(row.field == html and row.creates for row in coverage(mapping))
            patch = replace(patch, **{text if stored else html: UNSET})
    return patch


def _is_merged(patch: Any, name: str, by_email: bool) -> bool:
    """Return whether a list is sent that may replace another one. An only address by which the record is found does
    not."""
    value = getattr(patch, name, None)
    return isinstance(value, tuple) and len(value) > (1 if name == "emails" and by_email else 0)
