"""Add a vendor to the places that list all vendors: a registry and an import rule, the same for its emulator, and the
two lists of pages.

A place whose text is not recognised is left unchanged and reported, so that you can edit it by hand. Edited modules
still have to be formatted.
"""

import re
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path


def register(root: Path, name: str, title: str, *, emulator: bool = True) -> Iterator[tuple[str, bool, str]]:
    """Add the name in every place. Yields the file, whether it was edited, and the step to do by hand if not."""
    layer = "`Vendors never import each other`"
    places: list[tuple[str, Callable[[str, str], str | None], str]] = [
        ("mappings/registry.py", _mapping_registry, f"add {name} to CALLED"),
        ("pyproject.toml", _vendor_layer, f"add {name} to the vendors' layer of {layer}"),
        ("docs/index.md", partial(_index, title=title), f"link to vendors/{name}.md"),
        ("mkdocs.yml", _navigation, f"add vendors/{name}.md to Vendors"),
    ]
    if emulator:
        rule = "`Emulators of different vendors never import …`"
        places += [
            ("emulators/registry.py", _emulator_registry, f"import emulators.{name} and add it to EMULATORS"),
            ("pyproject.toml", _independent, f"add emulators.{name} to {rule}"),
        ]
    for file, edit, step in places:
        path = root / file
        text = path.read_text("utf-8")
        edited = edit(text, name)
        if edited is not None:
            path.write_text(edited, "utf-8")
        yield file, edited is not None, step


def _mapping_registry(text: str, name: str) -> str | None:
    """Add `"acme"` to the tuple CALLED."""
    called = re.search(r"^CALLED: Final = \((?P<names>[^)]*)\)", text, re.MULTILINE)
    return None if called is None else _with_name(text, called, f'"{name}"')


def _emulator_registry(text: str, name: str) -> str | None:
    """Add the module to `from emulators import …`, and to the tuple in EMULATORS."""
    modules = re.search(r"from emulators import (?P<names>\([\w,\s]+\)|[\w, ]+)\n", text)
    vendors = re.search(r"EMULATORS: dict\[str, Emulator\] = \{.*?\((?P<names>[\w,\s]+)\)\s*\}", text, re.S)
    if modules is None or vendors is None:
        return None
    text = _with_name(text, vendors, name)
    imported = sorted({*_words(modules["names"].strip("()")), name})
    return text[: modules.start()] + f"from emulators import {', '.join(imported)}\n" + text[modules.end() :]


def _with_name(text: str, names: re.Match[str], name: str) -> str:
    """Add a name to the list in a group called `names`."""
    listed = ", ".join(sorted({*_words(names["names"]), name}))
    return text[: names.start("names")] + listed + text[names.end("names") :]


def _vendor_layer(text: str, name: str) -> str | None:
    """Add the name to the layer that ends in `| webhook_senders`, in which no vendor may import another."""
    layer = re.search(r'"(?P<names>[a-z0-9_ |]+) \| webhook_senders"', text)
    if layer is None:
        return None
    names = sorted({*(one.strip() for one in layer["names"].split("|")), name})
    return text[: layer.start()] + f'"{" | ".join(names)} | webhook_senders"' + text[layer.end() :]


def _independent(text: str, name: str) -> str | None:
    """Add the module to the list of emulators that must not import each other."""
    rule = re.search(r'type = "independence"\nmodules = \[(?P<names>[^\]]*)\]', text)
    if rule is None:
        return None
    names = sorted({*(one.strip('"') for one in _words(rule["names"])), f"emulators.{name}"})
    listed = ", ".join(f'"{one}"' for one in names)
    return text[: rule.start("names")] + listed + text[rule.end("names") :]


def _index(text: str, name: str, title: str) -> str | None:
    """Add a link to the page for users."""
    pages = re.search(r"^- From nothing to the first record: (?P<links>.*?)\.\n(?=- |\n)", text, re.M | re.S)
    if pages is None:
        return None
    links = dict(re.findall(r"\[([^]]+)\]\((vendors/\w+\.md)\)", " ".join(pages["links"].split())))
    links[title] = f"vendors/{name}.md"
    listed = ", ".join(f"[{one}]({page})" for one, page in sorted(links.items(), key=lambda link: link[1]))
    return text[: pages.start("links")] + _wrapped(listed, 35, 2) + text[pages.end("links") :]


def _navigation(text: str, name: str) -> str | None:
    """Add the page for users to the menu of the site."""
    pages = re.search(r"^  - Vendors: \[(?P<names>vendors/\w+\.md(?:,\s+vendors/\w+\.md)*),\s+", text, re.M)
    if pages is None:
        return None
    listed = ", ".join(sorted({*_words(pages["names"]), f"vendors/{name}.md"}))
    return text[: pages.start("names")] + _wrapped(listed, 14, 6) + ",\n      " + text[pages.end() :]


def _wrapped(text: str, used: int, indent: int) -> str:
    """Divide a list into lines, the first of which has `used` characters before it."""
    wrapped = textwrap.wrap(
        " " * used + text, 110, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(wrapped)[used:]


def _words(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]
