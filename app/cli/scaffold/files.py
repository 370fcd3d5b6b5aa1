"""The files of a new vendor, rendered from `templates`: what every vendor has, and what its first object has.

A template's path and text hold the words `__vendor__`, `__Vendor__`, `__VENDOR__`, the same of `__object__`, and
`__api__`. What comes out passes the project's formatter, so the imports are sorted here: their order depends on the
vendor's name.
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
    """Every file of the vendor, as its path in the project and its text."""
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
    """The text with each block of imports of the project's own packages in the order of their modules."""
    lines, block = list[str](), list[str]()
    for line in [*text.split("\n"), ""]:
        if _IMPORT.fullmatch(line):
            block.append(line)
            continue
        lines += [*sorted(block, key=lambda one: one.split()[1]), line]
        block = []
    return "\n".join(lines[:-1])
