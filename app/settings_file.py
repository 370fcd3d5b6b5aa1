"""`lockstitch.toml`: the connections, the systems of record, and references to secrets that are kept elsewhere."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from app.complaints import Complaint
from canonical.parts import CustomFieldSetting, ObjectName

# The file speaks of objects as the URLs do.
PLURALS: dict[str, ObjectName] = {"customers": "customer", "orders": "order", "tickets": "ticket"}

CONNECTION_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
SECRET_REFERENCE = re.compile(r"(env|file):\S+")


class SettingsError(Complaint):
    """Lockstitch cannot start as it is set up; the message is for the operator, a line for each complaint."""


class PacingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit in place of the vendor's published one: `units` in any `per_seconds`, `concurrency` requests at once."""

    units: Annotated[float, Meta(gt=0)]
    per_seconds: Annotated[float, Meta(gt=0)]
    concurrency: Annotated[int, Meta(ge=1)] = 8


class ConnectionSettings(Struct, frozen=True, kw_only=True):
    """One authorised account at a vendor.

    `credentials` maps the names that the vendor's manifest asks for (`token`, `email` …) to references, never to
    values: `resolve_secret` turns one into the other. `base_url` has no trailing slash; None is the vendor's own.
    """

    name: str
    vendor: str
    base_url: str | None
    credentials: dict[str, str]
    custom_fields: dict[ObjectName, tuple[CustomFieldSetting, ...]]
    pacing: PacingSettings | None


class _ConnectionTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[connections.<name>]` as it stands in the file."""

    vendor: str
    base_url: str | None = None
    credentials: dict[str, str] = field(default_factory=dict)
    custom_fields: dict[str, tuple[CustomFieldSetting, ...]] = field(default_factory=dict)
    pacing: PacingSettings | None = None


class ConfigFile(Struct, frozen=True, kw_only=True):
    """What the file says, checked."""

    connections: dict[str, ConnectionSettings] = field(default_factory=dict)
    systems_of_record: dict[ObjectName, str] = field(default_factory=dict)


def read_config_file(path: Path | None) -> ConfigFile:
    """The file's content; nothing without a file. Raises SettingsError with every complaint at once."""
    if path is None:
        return ConfigFile()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{path} cannot be read.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}.") from None

    complaints = [
        f"{path}: there is no table [{name}]; there are [connections.<name>] and [systems_of_record]."
        for name in content
        if name not in ("connections", "systems_of_record")
    ]
    connections = {}
    declared = _table_of(content, "connections")
    for name, table in declared.items():
        try:
            connections[name] = _read_connection(name, table)
        except SettingsError as error:
            complaints.append(f"{path}: [connections.{name}] {error}")
    owners: dict[ObjectName, str] = {}
    for plural, owner in _table_of(content, "systems_of_record").items():
        if plural not in PLURALS:
            complaints.append(f"{path}: [systems_of_record] knows {', '.join(PLURALS)}, not {plural}.")
        elif not isinstance(owner, str) or owner not in declared:
            complaints.append(f"{path}: [systems_of_record] {plural} names {owner!r}, which is no connection.")
        else:
            owners[PLURALS[plural]] = owner
    if complaints:
        raise SettingsError("\n".join(complaints))
    return ConfigFile(connections=connections, systems_of_record=owners)


def resolve_secret(reference: str, environment: Mapping[str, str]) -> str:
    """The value that `env:NAME` or `file:/path` (less a final newline) stands for.

    Raises SettingsError, which names the reference, never a value.
    """
    kind, _, name = reference.partition(":")
    if kind == "env" and environment.get(name):
        return environment[name]
    if kind == "env":
        raise SettingsError(
            f"The environment variable {name} is not set, and a connection's credential is {reference}."
        )
    if kind == "file":
        try:
            return Path(name).read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError):
            raise SettingsError(
                f"The file {name} cannot be read, and a connection's credential is {reference}."
            ) from None
    raise SettingsError("A credential must be a reference: env:NAME or file:/path.")


def check_base_url(value: str) -> str:
    """An http(s) URL without its trailing slash. Raises SettingsError."""
    if re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", value) is None:
        raise SettingsError(f"is {value!r}: it must be an http or https URL without query.")
    return value.rstrip("/")


def _table_of(content: dict[str, Any], name: str) -> dict[str, Any]:
    table = content.get(name, {})
    return table if isinstance(table, dict) else {"": table}


def _read_connection(name: str, table: Any) -> ConnectionSettings:
    if CONNECTION_NAME.fullmatch(name) is None:
        raise SettingsError("must be named with a-z, 0-9, - and _, starting with a letter: the name stands in URLs.")
    try:
        read = msgspec.convert(table, _ConnectionTable)
    except msgspec.ValidationError as error:
        raise SettingsError(f"is not understood: {error}.") from None
    for credential, reference in read.credentials.items():
        if SECRET_REFERENCE.fullmatch(reference) is None:
            raise SettingsError(
                f"credentials.{credential} must be a reference, env:NAME or file:/path:"
                " secrets never stand in this file."
            )
    unknown = sorted(set(read.custom_fields) - set(PLURALS))
    if unknown:
        raise SettingsError(f"custom_fields knows {', '.join(PLURALS)}, not {', '.join(unknown)}.")
    try:
        base_url = None if read.base_url is None else check_base_url(read.base_url)
    except SettingsError as error:
        raise SettingsError(f"base_url {error}") from None
    return ConnectionSettings(
        name=name,
        vendor=read.vendor,
        base_url=base_url,
        credentials=read.credentials,
        custom_fields={PLURALS[plural]: fields for plural, fields in read.custom_fields.items()},
        pacing=read.pacing,
    )
