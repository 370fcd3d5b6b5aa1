"""What the tables of `lockstitch.toml` are read with: their error, their checks, and references to secrets."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from app.errors import Complaint
from canonical.parts import ObjectName

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")

# The file names objects in the plural, like the URLs.
PLURALS: dict[str, ObjectName] = {"customers": "customer", "orders": "order", "tickets": "ticket"}

FILE: Final = "file:"
_BUILT_IN: Final = re.compile(r"(env|file):\S+|vault:[a-z][a-z0-9_.-]{0,62}")
_PROVIDED: Final = re.compile(r"(?P<scheme>[a-z][a-z0-9-]*):(?!//)\S+")


class SettingsError(Complaint):
    """The settings are invalid, so Lockstitch cannot start. The message has one line per complaint."""


def convert(table: Any, shape: type[T]) -> T:
    """Return a table as this Struct. Raises SettingsError."""
    try:
        return msgspec.convert(table, shape)
    except msgspec.ValidationError as error:
        raise SettingsError(f"is invalid: {error}.") from None


@cache
def _secret_providers() -> Mapping[str, "EntryPoint"]:
    """Return what installed packages resolve references with, by scheme."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow, and few references need it

    return {one.name: one for one in entry_points(group="lockstitch.secret_providers")}


def provider_of(reference: str) -> "EntryPoint | None":
    """Return the provider that resolves a reference such as `aws:NAME`. None for built-in schemes and for no
    reference."""
    scheme = None if _BUILT_IN.fullmatch(reference) else _PROVIDED.fullmatch(reference)
    return None if scheme is None else _secret_providers().get(scheme["scheme"])


def fetch_secret(reference: str) -> str:
    """Return the present secret of a provider. Blocks. Raises SettingsError, which names the reference."""
    provider = provider_of(reference)
    if provider is None:
        raise SettingsError(f"No installed package resolves {reference}.")
    value: str = provider.load()(reference.partition(":")[2])
    return value


def is_reference(text: str) -> bool:
    """Return whether the text refers to a secret."""
    return _BUILT_IN.fullmatch(text) is not None or provider_of(text) is not None


def require_reference(place: str, text: str) -> None:
    """Raise SettingsError unless the value is a reference to a secret."""
    if not is_reference(text):
        raise SettingsError(
            f"{place} must be a reference, env:NAME, file:/path, vault:NAME, aws:NAME: never put secrets in this file."
        )


def resolve_secret(reference: str, environment: Mapping[str, str]) -> str:
    """Return the secret that `env:NAME` or `file:/path` refers to, without a final newline.

    `credentials` resolves `vault:NAME` and those of providers. Raises SettingsError, which names the reference, never a
    value.
    """
    kind, _, name = reference.partition(":")
    if kind == "env" and environment.get(name):
        return environment[name]
    if kind == "env":
        raise SettingsError(f"The environment variable {name}, referenced as {reference}, is not set.")
    if kind == "file":
        return read_secret_file(reference)
    raise SettingsError("A credential must be a reference: env:NAME, file:/path, vault:NAME or aws:NAME.")


def read_secret_file(reference: str) -> str:
    """Return the content of `file:/path` without a final newline. Raises SettingsError."""
    path = reference.removeprefix(FILE)
    try:
        secret = Path(path).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"The file {path}, referenced as {reference}, cannot be read.") from None
    if not secret:  # as while somebody writes a new one
        raise SettingsError(f"The file {path}, referenced as {reference}, is empty.")
    return secret
