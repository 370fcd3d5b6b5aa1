"""One name for one thing: class names are unique, and variables have a noun that says what they hold."""

import ast
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import get_args

import pytest

from app.cli.vendor.scaffold.files import MappedObject, Scaffold, Style, rendered

ROOT = Path(__file__).parents[2]
SHARED = ("*.py", "kit/*.py", "checks/*.py", "csv/*.py")
"""The modules of `mappings` outside the vendor folders. Wire Structs have the vendors' names, so these may repeat."""
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


@pytest.mark.parametrize("style", get_args(Style))
def test_a_new_vendor_has_nouns_for_variables(style: Style, tmp_path: Path) -> None:
    for path, text in rendered(Scaffold(name="ox", title="Ox", objects=get_args(MappedObject), style=style)):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    assert refused_in(tmp_path) == []
    assert (tmp_path / "emulators/ox/emulator.py").exists()


def test_the_listings_for_a_new_vendor_have_nouns_for_variables(tmp_path: Path) -> None:
    modules = LISTING.findall((ROOT / "docs" / "vendor-example.md").read_text("utf-8"))
    for number, text in enumerate(modules):
        (tmp_path / f"listing_{number}.py").write_text(text)

    assert refused_in(tmp_path) == []
    assert len(modules) >= 8


def test_every_kind_of_name_is_recognized(tmp_path: Path) -> None:
    source = """
import one as told
def f(held, *given, asked=1, **shown):
    found: int = 1
    for seen, in []: ...
    with f() as held, f() as (given, asked): ...
    if found := f(): ...
    lambda seen: [shown for shown in []]
    match f():
        case [found, *held] if seen: ...
        case {"a": 1, **given} as asked: ...
    try: ...
    except OSError as told: ...
class Wire:
    seen: str = ""
    def said(self): self.said = 1
"""
    (tmp_path / "every.py").write_text(source)
    counts = Counter(line.rpartition(" ")[2] for line in refused_in(tmp_path))
    assert counts == {"asked": 3, "found": 3, "given": 3, "held": 3, "said": 2, "seen": 3, "shown": 2, "told": 2}


def refused_in(folder: Path) -> list[str]:
    """Return what the check of `make check` refuses in the Python files of a folder: file, line and name."""
    done = subprocess.run([sys.executable, ROOT / ".ci" / "names", folder], capture_output=True, text=True, check=False)
    return done.stderr.splitlines()[:-1]
