"""Read `released.lock`: the released revisions and their digests.

A released revision never changes: its earlier results stay explainable, and processes of different versions map the
same way. `mappings.release` writes and checks the file; the running program only reads it.
"""

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Final

import msgspec
from msgspec import Struct

FILE: Final = "released.lock"


class Released(Struct, frozen=True, kw_only=True):
    """SHA-256 digests of one revision: `modules` by path, `wire` Structs by name, the results for its `golden` records
    by case, and its `writes` of their values by case and field."""

    modules: dict[str, str]
    wire: dict[str, str]
    golden: dict[str, str]
    writes: dict[str, str]


def read(text: str) -> dict[str, Released]:
    """Parse the file into digests by revision, such as `hubspot.customer@r1`. Raises ValueError."""
    return msgspec.convert(tomllib.loads(text), dict[str, Released])


@lru_cache(maxsize=1)
def released() -> dict[str, Released]:
    """Return the released revisions of this version of Lockstitch. None without the file, which `mappings.release` then
    writes anew."""
    file = files("mappings").joinpath(FILE)
    return read(file.read_text("utf-8")) if file.is_file() else {}
