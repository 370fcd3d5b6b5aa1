"""`lockstitch person`: export what is stored about a person."""

from collections import Counter

from cyclopts import App

from app.cli.commands import declare_action, operators
from app.http.plurals import counted
from app.persons.deps import PersonDeps
from app.persons.export import export_person
from app.persons.models import PersonExport

person = App(name="person")
opened = operators(PersonDeps)


@declare_action(person, opened, export_person)
def export(exported: PersonExport) -> str:
    """Show what is stored about a person. With --json, everything, decrypted."""
    tables = Counter(row.table for row in exported.rows)
    return "\n".join(
        (
            f"Addresses: {', '.join(exported.emails) or '-'}",
            f"Records: {', '.join(exported.records) or '-'}",
            f"Ids: {', '.join(exported.ids) or '-'}",
            *(f"  {table}: {counted(count, 'row')}" for table, count in tables.items()),
        )
    )
