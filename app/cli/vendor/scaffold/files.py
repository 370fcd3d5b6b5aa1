"""Render the files of a new vendor from `templates`: those of every vendor, and those of its first object.

Paths and texts contain the placeholders `__vendor__`, `__Vendor__`, `__VENDOR__`, the same for `__object__`, and
`__api__`. The output must pass the project's formatter, so imports are sorted here: their order depends on the vendor's
name.
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final, Literal

TEMPLATES: Final = Path(__file__).parent / "templates"
SUFFIX: Final = ".tmpl"
FirstObject = Literal["customer", "ticket"]

_IMPORT: Final = re.compile(r"from (?:canonical|emulators|mappings)[\w.]* import .*")


def rendered(name: str, title: str, first: FirstObject, api: str) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield path and text of every file of the vendor."""
    words = {
        "__vendor__": name,
        "__Vendor__": title,
        "__VENDOR__": name.upper(),
        "__api__": api,
        "__object__": first,
        "__Object__": first.capitalize(),
        "__OBJECT__": first.upper(),
    }
    for part in ("every", first):
        folder = TEMPLATES / part
        for file in sorted(folder.rglob(f"*{SUFFIX}")):
            path = PurePosixPath(_filled(file.relative_to(folder).as_posix().removesuffix(SUFFIX), words))
            text = _filled(file.read_text("utf-8"), words)
            yield path, _sorted_imports(text) if path.suffix == ".py" else text


def _filled(text: str, words: dict[str, str]) -> str:
    for placeholder, word in words.items():
        text = text.replace(placeholder, word)
    return text


def _sorted_imports(text: str) -> str:
    """Sort each block of imports of the project's packages by module."""
    lines, block = list[str](), list[str]()
    for line in [*text.split("\n"), ""]:
        if _IMPORT.fullmatch(line):
            block.append(line)
            continue
        lines += [*sorted(block, key=lambda one: one.split()[1]), line]
        block = []
    return "\n".join(lines[:-1])
