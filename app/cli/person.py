"""`lockstitch person`: export what is stored about a person, and erase it."""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated

from cyclopts import App, Parameter

from app.cli.commands import declare_action, operators, with_options
from app.cli.operators import prepare_actor
from app.cli.printing import Flag, Json, print_result
from app.http.plurals import counted
from app.persons.deps import PersonDeps
from app.persons.erase import lift_erasure, preview_erasure, read_erasure, start_erasure
from app.persons.export import export_person
from app.persons.models import EraseOrder, Erasure, ErasurePreview, PersonExport, PersonName

person = App(name="person")
opened = operators(PersonDeps)
ID = Parameter(name="ID", help="The id of the erasure, era_….")


@declare_action(person, opened, export_person)
def export(exported: PersonExport) -> str:
    """Show what is stored about a person. With --json, everything, decrypted."""
    return _summary(exported, Counter(row.table for row in exported.rows))


@person.command
@with_options
def erase(
    *,
    name: PersonName,
    confirm: Annotated[Flag, Parameter(help="Erase. Without it, only show what would be erased.")] = False,
    json: Json = False,
) -> None:
    """Erase a person: a worker does it, and nothing about them is read or stored any more."""
    if not confirm:
        preview = opened(lambda deps: preview_erasure(deps, name))
        print_result(preview, _preview(preview), json=json)
        return
    order = EraseOrder(email=name.email, id=name.id, dry_run=False)
    begun = opened(lambda deps: start_erasure(deps, order, actor=prepare_actor()))
    print_result(begun, f"{begun.id} has begun. To follow it: lockstitch person status {begun.id}", json=json)


@declare_action(person, opened, read_erasure, erasure_id=ID)
def status(erasure: Erasure) -> str:
    """Show how far an erasure is, and what it waits for."""
    lines = [f"{erasure.id} is {erasure.state}.", *_counts(erasure.changed)]
    lines += [f"Waits for {one}: decide it, or wait for its end." for one in erasure.waits_for]
    return "\n".join(lines)


@declare_action(person, opened, lift_erasure, erasure_id=ID)
def lift(erasure: Erasure) -> str:
    """Let a person return. What was erased stays erased."""
    return (
        f"{erasure.id} is lifted: reads, webhooks and pulls bring what the vendors have.\n"
        "If the person was erased twice, lift the other one too: lockstitch person export names it."
    )


def _preview(preview: ErasurePreview) -> str:
    waits = [f"It would wait for {one}." for one in preview.waits_for]
    return "\n".join((_summary(preview, preview.rows), *waits, "Nothing was erased. To erase: add --confirm."))


def _summary(known: PersonExport | ErasurePreview, tables: Mapping[str, int]) -> str:
    return "\n".join(
        (
            f"Addresses: {', '.join(known.emails) or '-'}",
            f"Records: {', '.join(known.records) or '-'}",
            f"Ids: {', '.join(known.ids) or '-'}",
            *([f"Erased: {', '.join(known.erasures)}"] if known.erasures else []),
            *_counts(tables),
            *(f"Not searched: {one}." for one in known.unreadable),
        )
    )


def _counts(tables: Mapping[str, int]) -> list[str]:
    return [f"  {table}: {counted(count, 'row')}" for table, count in tables.items()]
