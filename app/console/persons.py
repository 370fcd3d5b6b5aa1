"""Persons: what is stored about one, and their erasure. An address is in no URL: each step sends it in a form."""

from collections import Counter
from typing import Final

from app.console.pages import READ, NextPage, View, Visit, action, page
from app.console.store import PostgresSessions
from app.errors import InvalidField, NotFound
from app.persons import erase
from app.persons.deps import PersonDeps
from app.persons.export import STAYS, export_person
from app.persons.models import EraseOrder, PersonName

PERSONS: Final = "/console/persons"
ERASURES: Final = "/console/erasures"
NEWEST: Final = 20


@page(PERSONS)
async def persons(visit: Visit) -> View:
    """Ask for a person, and show the newest erasures."""
    return await _form(visit)


@action(PERSONS, scopes=(READ,))
async def show_person(visit: Visit) -> View:
    """Count what is stored about a person, by table. Audited like an export."""
    try:
        exported = await export_person(visit.deps(PersonDeps), _name(visit), actor=visit.caller.principal)
    except (InvalidField, NotFound) as error:
        return await _form(visit, wrong=error)
    rows = Counter(row.table for row in exported.rows)
    return View("person.html", here=f"{PERSONS}/", known=exported, rows=rows, typed=visit.form["person"])


@action(f"{PERSONS}/erase")
async def erase_person(visit: Visit) -> NextPage | View:
    """Show what an erasure changes; once confirmed, begin it."""
    deps, name = visit.deps(PersonDeps), _name(visit)
    if "confirmed" not in visit.form:
        preview = await erase.preview_erasure(deps, name)
        return View("person_erase.html", here=f"{PERSONS}/", known=preview, stays=STAYS, typed=visit.form["person"])
    order = EraseOrder(email=name.email, id=name.id, dry_run=False)
    begun = await erase.start_erasure(deps, order, actor=visit.caller.principal)
    return NextPage(
        f"{ERASURES}/{begun.id}", "From now on, nothing about the person is read or stored. What is stored is erased."
    )


@page("/console/erasures/{id}")
async def show_erasure(visit: Visit) -> View:
    """Show how far an erasure is. The page refreshes itself while it runs."""
    erasure = await erase.read_erasure(visit.deps(PersonDeps), visit.path("id"))
    names = await visit.deps(PostgresSessions).names()
    return View("erasure.html", here=f"{PERSONS}/", erasure=erasure, names=names)


async def _form(visit: Visit, wrong: InvalidField | NotFound | None = None) -> View:
    return View(
        "persons.html",
        status=200 if wrong is None else wrong.status,
        typed=visit.form.get("person", ""),
        wrong=wrong,
        erasures=await visit.deps(PersonDeps).erasures.newest(NEWEST),
    )


def _name(visit: Visit) -> PersonName:
    """Return whom the form names: a canonical id, or else an address."""
    typed = visit.form.get("person", "").strip()
    return PersonName(id=typed) if typed.startswith("cus_") else PersonName(email=typed)
