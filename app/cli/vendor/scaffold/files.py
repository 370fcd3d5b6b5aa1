"""Render the files of a new vendor from `templates`.

A folder of `templates` is used if its condition holds: `every`, or a word of `Scaffold.conditions`. So is a line that
begins with `%word`, such as `%graphql` or `%order`. Lines that begin with `%each`, and files with `__object__` in their
path, are rendered once for each object.

Paths and texts contain the placeholders of `_words`. Python files still have to be formatted, because the order of
imports depends on the vendor's name.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

TEMPLATES: Final = Path(__file__).parent / "templates"
SUFFIX: Final = ".tmpl"
EACH: Final = "%each"
Style = Literal["rest", "graphql"]
MappedObject = Literal["customer", "order", "ticket"]

_LINE: Final = re.compile(r"(?P<conditions>(?:%[a-z]+(?: |$))*)(?P<text>.*)")


class Scaffold(Struct, frozen=True, kw_only=True):
    """What a new vendor is made of. `api` is the version in its paths; a vendor with a `peer` has no emulator."""

    name: str
    title: str
    objects: tuple[MappedObject, ...]
    api: str = "v1"
    style: Style = "rest"
    peer: bool = False

    @property
    def conditions(self) -> frozenset[str]:
        """The words for which folders and lines are used."""
        return frozenset({"every", self.style, "peer" if self.peer else "emulator", *self.objects})


def rendered(scaffold: Scaffold) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield path and text of every file of the vendor."""
    for condition in sorted(scaffold.conditions):
        folder = TEMPLATES / condition
        for file in sorted(folder.rglob(f"*{SUFFIX}")):
            path = file.relative_to(folder).as_posix().removesuffix(SUFFIX)
            parts = _one_by_one(scaffold) if "__object__" in path else (scaffold,)
            for part in parts:
                yield PurePosixPath(_filled(path, _words(part))), _text(file.read_text("utf-8"), part)


def plural(words: tuple[str, ...]) -> str:
    """Return words as people list them: customers, orders and tickets."""
    many = [f"{word}s" for word in words]
    return " and ".join(filter(None, (", ".join(many[:-1]), many[-1])))


def _text(template: str, scaffold: Scaffold) -> str:
    """Return a template with the lines whose conditions hold, filled in."""
    lines = (match.group("conditions", "text") for match in map(_LINE.fullmatch, template.splitlines()) if match)
    blocks = []
    for conditions, group in groupby(lines, key=lambda line: tuple(line[0].split())):
        if not {word.lstrip("%") for word in conditions} - {"each"} <= scaffold.conditions:
            continue
        block = "".join(f"{text}\n" for _, text in group)
        parts = _one_by_one(scaffold) if EACH in conditions else (scaffold,)
        blocks += [_filled(block, _words(part)) for part in parts]
    return "".join(blocks)


def _one_by_one(scaffold: Scaffold) -> tuple[Scaffold, ...]:
    return tuple(replace(scaffold, objects=(one,)) for one in scaffold.objects)


def _words(scaffold: Scaffold) -> Mapping[str, str]:
    first, objects = scaffold.objects[0], scaffold.objects
    return {
        "__vendor__": scaffold.name,
        "__Vendor__": scaffold.title,
        "__VENDOR__": scaffold.name.upper(),
        "__api__": scaffold.api,
        "__absent__": "" if scaffold.style == "graphql" else " = None",  # GraphQL sends null for what is empty
        "__object__": first,
        "__Object__": first.capitalize(),
        "__OBJECT__": first.upper(),
        "__objects__": plural(objects),
        "__RECORDS__": ", ".join(f"{one.capitalize()}Record" for one in objects),
        "__MAPPINGS__": _tuple(one.upper() for one in objects),
        "__NAMES__": _tuple(f'"{one}"' for one in objects),
        "__PLURALS__": _tuple(f'"{one}s"' for one in objects),
        "__LISTS__": _tuple(f'"/v1/{one}s"' for one in objects),
    }


def _tuple(items: Iterator[str]) -> str:
    listed = ", ".join(items)
    return f"({listed})" if ", " in listed else f"({listed},)"


def _filled(text: str, words: Mapping[str, str]) -> str:
    for placeholder, word in words.items():
        text = text.replace(placeholder, word)
    return text
