"""Recordings of the vendors' own answers, which lie outside of the project, and how ours are held against them."""

import json
from typing import Any

import pytest

from tests.shared_material import SHARED


def recording(path: str) -> Any:
    """A recording or a schema by its path below the shared folder; the test is skipped where it is not there."""
    file = SHARED / path
    if not file.exists():
        pytest.skip(f"{path} is not here.")
    return json.loads(file.read_text())


def types(record: dict[str, Any]) -> dict[str, str]:
    """The JSON type of every field that is not null."""
    return {name: type(value).__name__ for name, value in record.items() if value is not None}


def same_types(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Members of both have the same type in both."""
    our_types, their_types = types(ours), types(theirs)
    shared = our_types.keys() & their_types.keys()
    assert {name: our_types[name] for name in shared} == {name: their_types[name] for name in shared}
