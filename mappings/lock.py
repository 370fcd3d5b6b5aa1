"""`released.lock`: which revisions are released, and what each of them was when it was.

A released revision never changes, so that what it made stays explainable and two processes of different versions mean
the same by its name. `mappings.release` writes the file and judges it; the running program only asks what is in it.
"""

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Final

import msgspec
from msgspec import Struct

FILE: Final = "released.lock"


class Released(Struct, frozen=True, kw_only=True):
    """SHA-256 digests of one revision: its modules by path, the wire Structs that these name by name, what it makes of
    the golden records by case, and what it sends when their values are written, by case and field."""

    modules: dict[str, str]
    wire: dict[str, str]
    golden: dict[str, str]
    writes: dict[str, str]


def read(text: str) -> dict[str, Released]:
    """The file by revision, such as `hubspot.customer@r1`. Raises ValueError for one that is not as we write it."""
    return msgspec.convert(tomllib.loads(text), dict[str, Released])


@lru_cache(maxsize=1)
def released() -> dict[str, Released]:
    """The revisions of this version of Lockstitch that are released."""
    return read(files("mappings").joinpath(FILE).read_text("utf-8"))
