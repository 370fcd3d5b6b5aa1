"""`lockstitch new-vendor`: scaffold a vendor with working files, and blanks that say what to fill in."""

import importlib.util
import keyword
import re
import sys
from pathlib import Path
from typing import Annotated, Final, get_args

from cyclopts import Parameter

import mappings
from app.cli.exits import REFUSED, usage
from app.cli.printing import Flag
from app.cli.vendor.emulator import is_checkout, run_module
from app.cli.vendor.scaffold.files import MappedObject, Scaffold, Style, plural, rendered
from app.cli.vendor.scaffold.places import register
from mappings.registry import MANIFESTS, VENDORS

ROOT: Final = Path(mappings.__file__).parents[1]
NAME: Final = re.compile(r"[a-z][a-z0-9]{1,15}")
TITLE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .&+-]{0,15}")
API: Final = re.compile(r"[a-z0-9]{1,8}")
MAPPED: Final[tuple[MappedObject, ...]] = get_args(MappedObject)
EXECUTABLE: Final = 0o755
PLAIN: Final = 0o644
PATIENCE: Final = 120.0  # seconds for each command that generates or formats files
REGISTRIES: Final = ["mappings/registry.py", "emulators/registry.py"]


FOLDER_NAME = Parameter(name="NAME", help="The name of the folders: 2 to 16 lower-case letters and digits.")
OBJECTS = Parameter(help="The objects to map, separated by commas: customer, order, ticket.")
PEER = Parameter(help="Test against the real system, started by tests/peers, in place of an emulator.")
PRINTED = Parameter(help="The name that people read. Without it, the folder's name with a capital letter.")


def new_vendor(
    name: Annotated[str, FOLDER_NAME],
    /,
    *,
    objects: Annotated[str, OBJECTS] = "customer",
    style: Annotated[Style, Parameter(help="The style of the vendor's API.")] = "rest",
    peer: Annotated[Flag, PEER] = False,
    title: Annotated[str | None, PRINTED] = None,
    api: Annotated[str, Parameter(help="The version of the API, as in its paths, such as v2.")] = "v1",
) -> None:
    """Scaffold a vendor: mapping, emulator or peer, golden records and docs page, and add it to the lists of vendors.

    The result works and reads the objects of an invented API. `quality.toml` says what to fill in. Existing files are
    never overwritten.
    """
    wanted = [one.strip() for one in objects.split(",")]
    scaffold = Scaffold(
        name=name,
        title=title or name.capitalize(),
        objects=tuple(one for one in MAPPED if one in wanted),
        api=api,
        style=style,
        peer=peer,
    )
    if unknown := [one for one in wanted if one not in MAPPED]:
        usage(f"Unknown object {unknown[0]!r}. --objects takes {', '.join(MAPPED)}, separated by commas.")
    objection = _objection(scaffold)
    if objection is not None:
        usage(objection)
    files = list(rendered(scaffold))
    present = [str(path) for path, _ in files if (ROOT / path).exists()]
    if present:
        sys.stderr.write(f"Nothing was created. These files already exist: {', '.join(present)}\n")
        sys.exit(REFUSED)
    for path, text in files:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, "utf-8")
        (ROOT / path).chmod(EXECUTABLE if text.startswith("#!") else PLAIN)
        sys.stdout.write(f"created  {path}\n")
    left = []
    for file, done, step in register(ROOT, name, scaffold.title, emulator=not peer):
        sys.stdout.write(f"{'edited  ' if done else 'TO DO   '} {file}: {step}\n")
        left += [] if done else [f"{file}: {step}"]
    if not left:
        _run("app.cli", "check-vendor", name, "--write-golden")
        _run("mappings.coverage_table", "--write")
        sys.stdout.write("edited   docs/coverage.md: the columns of the vendor\n")
    modules = [str(path) for path, _ in files if path.suffix == ".py"] + REGISTRIES
    _run("ruff", "check", "--quiet", "--select=I", "--fix", *modules)
    _run("ruff", "format", "--quiet", *modules)
    _write_steps(scaffold, left)


def _objection(scaffold: Scaffold) -> str | None:
    """Return why the arguments are refused, or None."""
    name = scaffold.name
    if not is_checkout(ROOT):
        return f"{ROOT} is not a checkout: new-vendor adds files to the project's source."
    if importlib.util.find_spec("ruff") is None:
        return "new-vendor formats files with ruff: install requirements-dev.lock, as make check does."
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        return "The name must be 2 to 16 lower-case letters and digits, start with a letter, and not a Python keyword."
    if not TITLE.fullmatch(scaffold.title):
        return "The title must be up to 16 letters, digits, spaces and any of . & + -"
    if not API.fullmatch(scaffold.api):
        return "The API version must be up to 8 lower-case letters and digits, such as v2."
    if name in VENDORS:
        return f"{name} already exists: run lockstitch check-vendor {name}"
    if name in MANIFESTS:
        return f"{name} already receives webhooks without a mapping: remove it from mappings/webhook_senders.py first."
    if any(importlib.util.find_spec(f"{package}.{name}") is not None for package in ("mappings", "emulators")):
        return f"{name} is a module of the project: choose another name."
    return None


def _run(module: str, *arguments: str) -> None:
    """Run a module of the project in a new process, which imports the changed registry. Exits if it fails."""
    done = run_module(ROOT, module, *arguments, seconds=PATIENCE)
    sys.stdout.write(done.stdout)
    if done.returncode != 0:
        sys.stderr.write(f"python -m {' '.join((module, *arguments))} failed:\n{done.stderr}")
        sys.exit(REFUSED)


def _write_steps(scaffold: Scaffold, left: list[str]) -> None:
    name = scaffold.name
    for step in left:
        sys.stdout.write(f"\nBy hand: {step}.\n")
    if left:
        sys.stdout.write(
            f"Then run lockstitch check-vendor {name} --write-golden and python -m mappings.coverage_table --write.\n"
        )
    emulator = (
        (f"emulators/{name}/emulator.py", "the emulator, from the vendor's documentation"),
        ("tests/emulators/vendors.py", "the entry of the emulator in the suite of all emulators"),
    )
    peer = (
        (f"tests/peers/{name}/setup", "how the real system is installed; in start, how it is served"),
        (f"tests/peers/test_{name}.py", "its tests: run make test-peers ARGS=" + name),
    )
    files = (
        (f"mappings/{name}/wire_{scaffold.api}.py", "the records as the vendor sends them"),
        (f"mappings/{name}/endpoints.py", "the requests; in unwrap.py, where answers contain records"),
        *((f"mappings/{name}/{one}_r1.py", f"the mapping of {one}s") for one in scaffold.objects),
        (f"mappings/{name}/errors.py", "the vendor's error answers"),
        (f"tests/mappings/{name}/test_errors.py", "each documented error"),
        (f"mappings/{name}/__init__.py", "base URL, credentials and rate limit"),
        (f"tests/mappings/{name}/fixtures", "recorded answers with invented people: <object>-<case>.in.json"),
        *(peer if scaffold.peer else emulator),
        (f"mappings/{name}/quality.toml", "the rules that are done"),
    )
    width = max(len(file) for file, _ in files)
    steps = "".join(f"  {place:2}. {file:{width}}  {what}\n" for place, (file, what) in enumerate(files, 1))
    sys.stdout.write(
        f"""
{name} reads {plural(scaffold.objects)} of an invented API. Next, complete these files from the vendor's API reference:

{steps}
Run lockstitch check-vendor {name} at any time to see what is missing. docs/add-a-vendor.md explains each step.
"""
    )
