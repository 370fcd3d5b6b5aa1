"""One name for one thing: no class name stands twice in `app`, `canonical` and the shared `mappings`."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = ("*.py", "kit/*.py", "checks/*.py", "csv/*.py")
"""The modules of `mappings` outside the vendor folders. Wire Structs have the vendors' names, so these may repeat."""


def test_no_class_name_stands_twice() -> None:
    files = [*ROOT.glob("app/**/*.py"), *ROOT.glob("canonical/**/*.py")]
    files += [file for pattern in SHARED for file in ROOT.glob(f"mappings/{pattern}")]
    places = defaultdict(list)
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(file.relative_to(ROOT)))

    assert {name: found for name, found in places.items() if len(found) > 1} == {}
    assert len(places) > 400
