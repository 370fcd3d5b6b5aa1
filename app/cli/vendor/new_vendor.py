"""`lockstitch new-vendor`: scaffold a vendor with working files, and blanks that say what to fill in."""

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
from app.cli.vendor.emulator import is_checkout
from app.cli.vendor.scaffold.files import FirstObject, rendered
from app.cli.vendor.scaffold.places import register
from mappings.registry import MANIFESTS, VENDORS

ROOT: Final = Path(mappings.__file__).parents[1]
NAME: Final = re.compile(r"[a-z][a-z0-9]{1,15}")
TITLE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .&+-]{0,15}")
API: Final = re.compile(r"[a-z0-9]{1,8}")
PATIENCE: Final = 120.0  # seconds for each command that generates a file


def new_vendor(
    name: Annotated[str, Parameter(name="NAME")],
    /,
    *,
    object: Annotated[FirstObject, Parameter(name="--object")] = "customer",
    title: str | None = None,
    api: str = "v1",
) -> None:
    """Scaffold a vendor: mapping, emulator, golden records and docs page, and add it to the lists of vendors.

    The result works and reads one object of an invented API. `quality.toml` says what to fill in. Existing files are
    never overwritten.

    Parameters
    ----------
    name
        The name of the folders: 2 to 16 lower-case letters and digits.
    object
        The first object to map: customer or ticket.
    title
        The name that people read. Without it, the folder's name with a capital letter.
    api
        The version of the API, as in its paths, such as v2.
    """
    called = title or name.capitalize()
    objection = _objection(name, called, api)
    if objection is not None:
        usage(objection)
    files = list(rendered(name, called, object, api))
    present = [str(path) for path, _ in files if (ROOT / path).exists()]
    if present:
        sys.stderr.write(f"Nothing was created. These files already exist: {', '.join(present)}\n")
        sys.exit(REFUSED)
    for path, text in files:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, "utf-8")
        sys.stdout.write(f"created  {path}\n")
    left = []
    for file, done, step in register(ROOT, name):
        sys.stdout.write(f"{'edited  ' if done else 'TO DO   '} {file}: {step}\n")
        left += [] if done else [f"{file}: {step}"]
    if not left:
        _generate_files(name)
    _write_steps(name, object, api, left)


def _objection(name: str, title: str, api: str) -> str | None:
    """Return why the arguments are refused, or None."""
    if not is_checkout(ROOT):
        return f"{ROOT} is not a checkout: new-vendor adds files to the project's source."
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        return "The name must be 2 to 16 lower-case letters and digits, start with a letter, and not a Python keyword."
    if not TITLE.fullmatch(title):
        return "The title must be up to 16 letters, digits, spaces and any of . & + -"
    if not API.fullmatch(api):
        return "The API version must be up to 8 lower-case letters and digits, such as v2."
    if name in VENDORS:
        return f"{name} already exists: run lockstitch check-vendor {name}"
    if name in MANIFESTS:
        return f"{name} already receives webhooks without a mapping: remove it from mappings/webhook_senders.py first."
    if any(importlib.util.find_spec(f"{package}.{name}") is not None for package in ("mappings", "emulators")):
        return f"{name} is a module of the project: choose another name."
    return None


def _generate_files(name: str) -> None:
    """Generate the golden answers and the coverage table. Runs new processes, which import the changed registry."""
    for command in (["app.cli", "check-vendor", name, "--write-golden"], ["mappings.coverage_table", "--write"]):
        done = subprocess.run(  # noqa: S603 - this interpreter, modules of the project
            [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        sys.stdout.write(done.stdout)
        if done.returncode != 0:
            sys.stderr.write(f"python -m {' '.join(command)} failed:\n{done.stderr}")
            sys.exit(REFUSED)


def _write_steps(name: str, first: str, api: str, left: list[str]) -> None:
    for step in left:
        sys.stdout.write(f"\nBy hand: {step}.\n")
    if left:
        sys.stdout.write(
            f"Then run lockstitch check-vendor {name} --write-golden and python -m mappings.coverage_table --write.\n"
        )
    files = (
        (f"mappings/{name}/wire_{api}.py", "the record as the vendor sends it"),
        (f"mappings/{name}/endpoints.py", "the requests; in unwrap.py, where answers contain records"),
        (f"mappings/{name}/{first}_r1.py", "the mapping of a record"),
        (f"mappings/{name}/errors.py", "the vendor's error answers"),
        (f"tests/mappings/{name}/test_errors.py", "each documented error"),
        (f"mappings/{name}/__init__.py", "base URL, credentials and rate limit"),
        (f"tests/mappings/{name}/fixtures", f"recorded answers with invented people: {first}-<case>.in.json"),
        (f"emulators/{name}/emulator.py", "the emulator, from the vendor's documentation"),
        (f"mappings/{name}/quality.toml", "the rules that are done"),
    )
    width = max(len(file) for file, _ in files)
    steps = "".join(f"  {place}. {file:{width}}  {what}\n" for place, (file, what) in enumerate(files, 1))
    sys.stdout.write(
        f"""
{name} reads {first}s of an invented API. Next, complete these files from the vendor's API reference:

{steps}
Run lockstitch check-vendor {name} at any time to see what is missing. docs/add-a-vendor.md explains each step.
"""
    )
