"""`lockstitch new-vendor`: begin a vendor with files that work, and blanks that say what to fill in."""

import importlib.util
import keyword
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

import mappings
from app.cli.exits import REFUSED, usage
from app.cli.look_alike import is_checkout
from app.cli.scaffold.files import FirstObject, rendered
from app.cli.scaffold.places import register
from mappings.registry import MANIFESTS, VENDORS

ROOT: Final = Path(mappings.__file__).parents[1]
NAME: Final = re.compile(r"[a-z][a-z0-9]{1,15}")
TITLE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .&+-]{0,15}")
API: Final = re.compile(r"[a-z0-9]{1,8}")
PATIENCE: Final = 120.0  # seconds for one of the commands that print a file


def new_vendor(
    name: Annotated[str, Parameter(name="NAME")],
    /,
    *,
    object: Annotated[FirstObject, Parameter(name="--object")] = "customer",
    title: str | None = None,
    api: str = "v1",
) -> None:
    """Begin a vendor: its mapping, look-alike, golden records and page, and its name wherever vendors are listed.

    What is made works and reads one object of an invented API. `quality.toml` says what to fill in. Nothing that is
    there already is overwritten.

    Parameters
    ----------
    name
        The folder's name: 2 to 16 lower-case letters and digits.
    object
        What is mapped first: customer or ticket.
    title
        What people call it; the name with a capital letter when left out.
    api
        The version of its API as it stands in its paths, such as v2.
    """
    called = title or name.capitalize()
    told = _objection(name, called, api)
    if told is not None:
        usage(told)
    files = list(rendered(name, called, object, api))
    present = [str(path) for path, _ in files if (ROOT / path).exists()]
    if present:
        sys.stderr.write(f"Nothing was made, because there is already: {', '.join(present)}\n")
        sys.exit(REFUSED)
    for path, text in files:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, "utf-8")
        sys.stdout.write(f"made     {path}\n")
    left = []
    for file, done, step in register(ROOT, name):
        sys.stdout.write(f"{'edited  ' if done else 'LEFT    '} {file}: {step}\n")
        left += [] if done else [f"{file}: {step}"]
    if not left:
        _print_files(name)
    _write_steps(name, object, api, left)


def _objection(name: str, title: str, api: str) -> str | None:
    """What stands against the name; None where nothing does."""
    if not is_checkout(ROOT):
        return f"{ROOT} is no working copy: a vendor is made in the project's own source."
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        return "The name is 2 to 16 lower-case letters and digits, begins with a letter and is no word of Python."
    if not TITLE.fullmatch(title):
        return "The title is up to 16 letters, digits, spaces and any of . & + -"
    if not API.fullmatch(api):
        return "The API's version is up to 8 lower-case letters and digits, such as v2."
    if name in VENDORS:
        return f"{name} is there already: lockstitch check-vendor {name}"
    if name in MANIFESTS:
        return f"{name} is known as an intake of webhooks: take it out of mappings/intakes.py first."
    if any(importlib.util.find_spec(f"{package}.{name}") is not None for package in ("mappings", "emulators")):
        return f"{name} is the name of a module of the project: choose another."
    return None


def _print_files(name: str) -> None:
    """The files that are printed from code: what the golden records mean, and the coverage. In processes of their own,
    since this one has read the registry as it was."""
    for command in (["app.cli", "check-vendor", name, "--write-golden"], ["mappings.coverage_table", "--write"]):
        done = subprocess.run(  # noqa: S603 - our own interpreter and modules
            [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        sys.stdout.write(done.stdout)
        if done.returncode != 0:
            sys.stderr.write(f"python -m {' '.join(command)} did not succeed:\n{done.stderr}")
            sys.exit(REFUSED)


def _write_steps(name: str, first: str, api: str, left: list[str]) -> None:
    for step in left:
        sys.stdout.write(f"\nBy hand: {step}.\n")
    if left:
        sys.stdout.write(
            f"Then: lockstitch check-vendor {name} --write-golden, and python -m mappings.coverage_table --write.\n"
        )
    files = (
        (f"mappings/{name}/wire_{api}.py", "the record as it is really sent"),
        (f"mappings/{name}/endpoints.py", "where it is read and listed; unwrap.py, how answers hold it"),
        (f"mappings/{name}/{first}_r1.py", "what a record means"),
        (f"mappings/{name}/errors.py", "how the vendor says no"),
        (f"tests/mappings/{name}/test_errors.py", "each error that it documents"),
        (f"mappings/{name}/__init__.py", "its address, credentials and limit"),
        (f"tests/mappings/{name}/fixtures", f"recorded answers with invented people: {first}-<case>.in.json"),
        (f"emulators/{name}/emulator.py", "its look-alike, from the documentation"),
        (f"mappings/{name}/quality.toml", "what of it is done"),
    )
    width = max(len(file) for file, _ in files)
    steps = "".join(f"  {place}. {file:{width}}  {what}\n" for place, (file, what) in enumerate(files, 1))
    sys.stdout.write(
        f"""
{name} reads {first}s of an API that was guessed. Next, with the vendor's reference beside you:

{steps}
lockstitch check-vendor {name} tells at any time what holds and what is missing; docs/add-a-vendor.md leads through it.
"""
    )
