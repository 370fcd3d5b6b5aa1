"""One name for one thing: no class name stands twice in `app`."""

import ast
from collections import defaultdict
from pathlib import Path

APP = Path(__file__).parents[2] / "app"


def test_no_class_name_stands_twice() -> None:
    places = defaultdict(list)
    for file in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(file.relative_to(APP)))

    assert {name: files for name, files in places.items() if len(files) > 1} == {}
    assert len(places) > 300
