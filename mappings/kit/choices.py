"""Options of fields, for drop-downs: from the word tables of a mapping, and from lists of the vendor."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from canonical.parts import CustomFieldSetting
from mappings.kit.custom_fields import name_of
from mappings.manifest import Option

K = TypeVar("K", bound=str)
V = TypeVar("V")


def labelled(words: Mapping[K, V], labels: Mapping[V, str] | None = None) -> tuple[Option, ...]:
    """Return the canonical values of a table, labelled with the vendor's words, or with the names that users see."""
    return tuple(
        Option(value=ours, label=str(theirs) if labels is None else labels[theirs]) for ours, theirs in words.items()
    )


def plain(texts: Iterable[str]) -> tuple[Option, ...]:
    """Return options whose values are their labels."""
    return tuple(Option(value=text, label=text) for text in texts)


def joined(labels: Iterable[tuple[str, str]]) -> tuple[Option, ...]:
    """Return each value once, with all of its labels."""
    labels_of: dict[str, list[str]] = {}
    for value, label in labels:
        labels_of.setdefault(value, []).append(label)
    return tuple(Option(value=value, label=", ".join(named)) for value, named in labels_of.items())


def of_custom_fields(
    settings: tuple[CustomFieldSetting, ...], options: Mapping[str, tuple[Option, ...]]
) -> dict[str, tuple[Option, ...]]:
    """Return the options of the configured fields, by the vendor's field."""
    return {name_of(one): options[one.vendor_field] for one in settings if options.get(one.vendor_field)}
