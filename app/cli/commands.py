"""Declare a command over the function that it runs and the Structs of that function.

The parameters of the function are the options of the command. Each field of a Struct is an option of its own, and the
string below the field is its help. `after` is `--cursor`, `limit` is `--limit`, and Lockstitch fills in those of
`FILLED_IN`. Every other parameter is described by a cyclopts `Parameter` of its name. The decorated function formats
the result for people, and its docstring is the help of the command. `--json` prints the result itself, like the API.

    @declare_action(drift, operators(DriftDeps), acknowledge_drift, finding_id=Parameter(name="ID", help="…"))
    def acknowledge(finding: DriftFinding) -> str:
        '''Acknowledge a finding.'''
        return f"{finding.id} is acknowledged."
"""

import inspect
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial, wraps
from types import NoneType, UnionType
from typing import Annotated, Any, Final, TypeGuard, TypeVar, Union, get_args, get_origin

import msgspec
from cyclopts import App, Parameter
from msgspec import Struct
from msgspec.structs import fields

from app.cli.database import find_settings, require_connection
from app.cli.exits import usage
from app.cli.operators import prepare_actor, read_time, with_operators
from app.cli.printing import Json, write_json
from app.cli.tables import Cells, print_page
from app.http.by_id import ID
from app.http.paging import Page, whole_list
from app.http.plain_errors import in_words
from app.queue.models import NOT_CONNECTIONS
from app.settings.environment import load_settings
from canonical.schema import field_texts

S = TypeVar("S", bound=Struct)
T = TypeVar("T")
Row = Callable[[Any], Cells]
Opener = Callable[[Callable[[Any], Awaitable[Any]]], Any]
"""Opens the dependencies of a function, and runs it with them."""

MOST: Final = 10_000
"""The maximum of `--limit`. The API returns at most 250 at once."""
LISTED: Final = 50
PAGING: Final = {
    "limit": Parameter(help=f"The maximum number to list, up to {MOST:,}."),
    "after": Parameter(name="--cursor", help="Continue after this cursor."),
}
FILLED_IN: Final[Mapping[str, Callable[[], Any]]] = {
    "actor": prepare_actor,
    "trace_url": lambda: load_settings(os.environ).trace_url,
    "responsible": lambda: find_settings(os.environ).responsible,
}
TABLES: Final[dict[str, tuple[Sequence[str], Row]]] = {}
"""The columns and the row of each list whose module is imported, by command."""
AGE: Final = "RFC 3339, or an age such as 90m, 2h or 1d."
_OPTION: Final = inspect.Parameter.KEYWORD_ONLY


def operators(kind: type[Any]) -> Opener:
    """Return what opens these dependencies of operators."""
    return partial(with_operators, kind)


def declare_list(
    group: App,
    opened: Opener,
    read: Callable[..., Awaitable[Any]],
    columns: Sequence[str],
    *,
    none: str,
    alone: bool = False,
    **described: Parameter,
) -> Callable[[Row], Row]:
    """Add the command `list` to a group. The decorated function returns the cells of one item's row.

    `none` is printed for an empty list. `alone`: the group without a command lists too.
    """

    def declare(row: Row) -> Row:
        TABLES[f"{group.name[0]} list"] = (columns, row)

        def list_(page: Page) -> None:
            print_page(page, columns, row, none=none, json=False)

        list_.__doc__ = row.__doc__
        declare_action(group, opened, read, **described)(list_)
        if alone:
            group.default(command_of(opened, read, list_, **described))
        return row

    return declare


def declare_action(
    group: App, opened: Opener, do: Callable[..., Awaitable[T]], **described: Parameter
) -> Callable[[Callable[[T], str | None]], Callable[[T], str | None]]:
    """Add a command that shows or changes one thing, named like the decorated function.

    That function returns a sentence about the result, or prints the result and returns None. A list is one page.
    """

    def declare(show: Callable[[T], str | None]) -> Callable[[T], str | None]:
        group.command(command_of(opened, do, show, **described), name=show.__name__.rstrip("_").replace("_", "-"))
        return show

    return declare


def command_of(
    opened: Opener,
    do: Callable[..., Awaitable[T]],
    show: Callable[[T], str | None],
    **described: Parameter,
) -> Callable[..., None]:
    """Return the command that runs `do` and shows its result."""

    def command(*arguments: str, json: bool, **options: Any) -> None:
        check_limit(options.get("limit", LISTED))
        check_cursor(options.get("after"))
        filled = {name: fill() for name, fill in FILLED_IN.items() if name in inspect.signature(do).parameters}
        result = opened(lambda deps: do(deps, *arguments, **options, **filled))
        if isinstance(result, list):
            result = whole_list(result)
        if isinstance(result, Page) and is_id(options.get("after")):
            first = {**options, **filled, "after": None, "limit": 1}
            check_follows(options["after"], result.data or opened(lambda deps: do(deps, *arguments, **first)).data)
        if isinstance(result, Page) and not result.data:
            refuse_unknown(options)
        if json:
            write_json(result)
        elif (sentence := show(result)) is not None:
            sys.stdout.write(f"{sentence}\n")

    parameters = [
        *_parameters_of(do, described),
        inspect.Parameter("json", _OPTION, default=False, annotation=Json),
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__doc__ = show.__doc__
    return with_options(command, **described)


def with_options(command: Callable[..., None], **described: Parameter) -> Callable[..., None]:
    """Give a command an option for each field of the Structs among its parameters."""
    declared = inspect.signature(command).parameters.values()
    structs = {one.name: one.annotation for one in declared if _is_struct(one.annotation)}
    expanded = inspect.Signature(
        [
            option
            for one in declared
            for option in (_options_of(one.annotation, described) if one.name in structs else (one,))
        ]
    )

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        call = expanded.bind(*arguments, **options)
        call.apply_defaults()
        values = call.kwargs
        for name, struct in structs.items():
            values[name] = build(struct, {field.name: values.pop(field.name) for field in fields(struct)})
        command(*call.args, **values)

    run.__signature__ = expanded  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in expanded.parameters.values()}
    return run


def refuse_unknown(options: Mapping[str, Any]) -> None:
    """Raise Complaint if the connection of an empty result is none, which would look like good news."""
    named = next((getattr(one, "connection", None) for one in options.values() if isinstance(one, Struct)), None)
    named = named or options.get("connection")
    settings = find_settings(os.environ)
    if named and settings.connections and not named.startswith(NOT_CONNECTIONS):
        require_connection(settings, named)


def check_limit(limit: int) -> None:
    """Exit unless the limit is 1 to MOST."""
    if not 1 <= limit <= MOST:
        usage(f"--limit {limit}: must be 1 to {MOST:,}.")


def check_cursor(cursor: str | int | None) -> None:
    """Exit unless the cursor is absent, a position, an id, or a time and an id: others would begin again."""
    if is_id(cursor) and not ID.fullmatch(cursor):
        usage(f"--cursor {cursor}: must be the cursor of this list.")


def is_id(cursor: str | int | None) -> TypeGuard[str]:
    """Return whether a cursor is an id, not a position or a time and an id."""
    return isinstance(cursor, str) and "/" not in cursor


def check_follows(cursor: str, rows: Sequence[Any]) -> None:
    """Exit if these rows of a list are not of the kind of this id: that of another list selects all rows, or none."""
    if rows and rows[0].id.partition("_")[0] != cursor.partition("_")[0]:
        usage(f"--cursor {cursor}: it is the cursor of another list.")


def _parameters_of(function: Callable[..., Any], described: Mapping[str, Parameter]) -> list[inspect.Parameter]:
    """Return the parameters of a command that runs this function."""
    _, *declared = inspect.signature(function).parameters.values()
    return [_parameter_of(one, described) for one in declared if one.name not in FILLED_IN]


def _parameter_of(one: inspect.Parameter, described: Mapping[str, Parameter]) -> inspect.Parameter:
    if _is_struct(one.annotation):
        return one.replace(kind=_OPTION)
    hint = _annotated(one.annotation, described.get(one.name) or PAGING[one.name])
    if one.annotation is str:
        return one.replace(kind=inspect.Parameter.POSITIONAL_ONLY, annotation=hint)
    default = LISTED if one.name == "limit" else None
    return one.replace(
        kind=_OPTION, annotation=hint, default=default if one.default is inspect.Parameter.empty else one.default
    )


def _options_of(struct: type[Struct], described: Mapping[str, Parameter]) -> Iterator[inspect.Parameter]:
    """Yield an option for each field of a Struct, with its type, default and help."""
    texts = field_texts(struct)
    for field in fields(struct):
        text, kind = texts[field.name], _plain(field.type)
        meaning = text.sentence
        if kind is str and text.example is not None:
            meaning += f" Example: {msgspec.json.decode(text.example)}"
        if kind is datetime:
            kind, meaning = str, f"{meaning} {AGE}"
        hint = kind | None if field.default is None else kind
        default = inspect.Parameter.empty if field.required else field.default
        parameter = Parameter.combine(Parameter(help=meaning, negative=()), described.get(field.name))
        annotation = _annotated(hint, parameter)
        yield inspect.Parameter(field.name, _OPTION, default=default, annotation=annotation)


def _annotated(kind: Any, parameter: Parameter) -> Any:
    return Annotated[kind, parameter]


def _plain(kind: Any) -> Any:
    """Return a type without None, and without the limits that msgspec checks."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return Union[tuple(_plain(option) for option in get_args(kind) if option is not NoneType)]  # noqa: UP007
    return kind


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def build(struct: type[S], values: dict[str, Any]) -> S:
    """Return the Struct of these options, with times as they are typed. Exits if one is refused."""
    for field in fields(struct):
        if _plain(field.type) is datetime:
            values[field.name] = read_time(_flag(field.name), values[field.name])
    try:
        return msgspec.convert(values, struct)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$.")
        usage(f"{_flag(path.rstrip('`'))}: {in_words(reason)}.")


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
