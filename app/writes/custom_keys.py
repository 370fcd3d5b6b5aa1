"""Custom-field keys in a body that no connection configures: a typo, which must not be dropped as a loss."""

from collections.abc import Collection, Iterator
from typing import Any

from app.http.nearest_name import did_you_mean
from app.http.plurals import PLURAL
from app.problem_document import FieldError
from canonical.parts import ObjectName


def unknown_keys(patch: Any, object_name: ObjectName, known: Collection[str]) -> Iterator[FieldError]:
    """Yield an error for each key of a custom field of the record or its lines that is not `known`, with the nearest
    key."""
    for pointer, key in _keys_in(patch):
        if key not in known:
            detail = f"no connection configures a custom field {key[:80]!r} of {PLURAL[object_name]}."
            nearest = did_you_mean(key, known) or (f" Configured: {', '.join(sorted(known))}." if known else "")
            yield FieldError(pointer=pointer, detail=f"{detail}{nearest}")


def _keys_in(patch: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    for place, field in enumerate(_list(patch, "custom_fields")):
        yield f"{pointer}/custom_fields/{place}/key", field.key
    for place, line in enumerate(_list(patch, "line_items")):
        yield from _keys_in(line, f"{pointer}/line_items/{place}")


def _list(patch: Any, name: str) -> tuple[Any, ...]:
    value = getattr(patch, name, None)
    return value if isinstance(value, tuple) else ()
