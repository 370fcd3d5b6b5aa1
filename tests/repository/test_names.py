"""One name for one thing: class names are unique, and variables have a noun that says what they hold."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from app.cli.vendor.scaffold.files import MappedObject, Scaffold, Style, rendered

ROOT = Path(__file__).parents[2]
SHARED = ("*.py", "kit/*.py", "checks/*.py", "csv/*.py")
"""The modules of `mappings` outside the vendor folders. Wire Structs have the vendors' names, so these may repeat."""
PLAIN = ("app", "benchmarks", "canonical", "emulators", "mappings")
"""Folders without variables and arguments of these names."""
REFUSED = frozenset({"asked", "found", "given", "held", "seen", "shown"})
"""Participles that say what happened to a value, and not what it is."""
LISTING = re.compile(r"^`(?:app|mappings|emulators)/[\w/]+\.py`:\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A whole module in the vendor reference."""


def test_no_class_name_stands_twice() -> None:
    files = [*ROOT.glob("app/**/*.py"), *ROOT.glob("canonical/**/*.py")]
    files += [file for pattern in SHARED for file in ROOT.glob(f"mappings/{pattern}")]
    places = defaultdict(list)
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(file.relative_to(ROOT)))

    assert {name: where for name, where in places.items() if len(where) > 1} == {}
    assert len(places) > 400


def test_variables_and_arguments_are_nouns() -> None:
    files = [file for folder in PLAIN for file in ROOT.glob(f"{folder}/**/*.py")]
    refused = [f"{file.relative_to(ROOT)}:{place}" for file in files for place in _refused(file.read_text("utf-8"))]

    assert refused == []
    assert len(files) > 400


@pytest.mark.parametrize("style", get_args(Style))
def test_a_new_vendor_has_nouns_for_variables(style: Style) -> None:
    files = rendered(Scaffold(name="ox", title="Ox", objects=get_args(MappedObject), style=style))
    modules = {str(path): text for path, text in files if path.suffix == ".py" and path.parts[0] in PLAIN}

    assert [f"{path}:{place}" for path, text in modules.items() for place in _refused(text)] == []
    assert "emulators/ox/emulator.py" in modules


def test_the_listings_for_a_new_vendor_have_nouns_for_variables() -> None:
    modules = LISTING.findall((ROOT / "docs" / "vendor-example.md").read_text("utf-8"))

    assert [place for text in modules for place in _refused(text)] == []
    assert len(modules) >= 8


def test_every_kind_of_binding_is_recognized() -> None:
    source = """
def f(held, *given, asked=1, **shown):
    found: int = 1
    for seen, in []: ...
    with f() as held, f() as (given, asked): ...
    if found := f(): ...
    lambda seen: [shown for shown in []]
    match f():
        case [found, *held] if seen: ...
        case {"a": 1, **given} as asked: ...
class Wire:
    found: str = ""
"""
    counts = Counter(name for name, _ in _bindings(ast.parse(source)))
    assert counts == {"asked": 3, "found": 3, "given": 3, "held": 3, "seen": 2, "shown": 2}


def _refused(source: str) -> list[str]:
    """Return line and name of each variable and argument with a refused name."""
    return [f"{line} {name}" for name, line in _bindings(ast.parse(source)) if name in REFUSED]


def _bindings(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield each variable and argument, with its line. Fields of a class are not among them: others fix their names."""
    fields = {
        statement.target
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        if isinstance(statement, ast.AnnAssign)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node not in fields:
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.MatchAs | ast.MatchStar) and node.name is not None:
            yield node.name, node.lineno
        elif isinstance(node, ast.MatchMapping) and node.rest is not None:
            yield node.rest, node.lineno
