"""Connections: their state, data, limits, credentials, webhooks, drift and mapping revisions; pause, resume, route."""

from typing import Any, Final

import msgspec

from app.console.pages import NextPage, View, Visit, action, page
from app.console.store import PostgresSessions
from app.drift import findings
from app.drift.deps import DriftDeps
from app.drift.models import DriftFilter
from app.errors import InvalidField
from app.http.decode_body import decode_patch
from app.revisions import mapping_routes
from app.revisions.deps import RevisionDeps
from app.revisions.mapping_routes import RouteOrder
from app.vendors.connections import ConnectionPause, pause_connection, resume_connection
from app.vendors.deps import ConsentDeps, VendorDeps
from app.vendors.models import Connections
from app.walks.deps import FreshnessDeps
from app.walks.pull.freshness import list_statuses, read_status

CONNECTIONS: Final = "/console/connections"
MOST_FINDINGS: Final = 250
SAMPLE_RATE: Final = 0.1


@page(CONNECTIONS)
async def list_all(visit: Visit) -> View:
    """Show every connection, those in trouble first, and the credentials in the vault with their ends."""
    connections = await list_statuses(visit.deps(VendorDeps), visit.deps(FreshnessDeps))
    names = [one.name for one in connections]
    return View(
        "connections.html",
        connections=sorted(connections, key=lambda one: (one.works, one.name)),
        routes=await _routes(visit),
        drift=await visit.deps(DriftDeps).drifts.count_open(names, most=MOST_FINDINGS),
        most_findings=MOST_FINDINGS,
        credentials=await visit.deps(ConsentDeps).store_for(visit.caller.principal).list(),
    )


@page("/console/connections/{name}")
async def show_connection(visit: Visit) -> View:
    """Show one connection in full."""
    name = visit.path("name")
    connection = await read_status(visit.deps(VendorDeps), visit.deps(FreshnessDeps), name)
    which = DriftFilter(connection=name)
    drift = await findings.list_drift(visit.deps(DriftDeps), which, after=None, limit=MOST_FINDINGS)
    return View(
        "connection.html",
        connection=connection,
        routes=(await _routes(visit)).get(name, []),
        drift=drift.data,
        names=await visit.deps(PostgresSessions).names(),
        sample_rate=SAMPLE_RATE,
    )


@action("/console/connections/{name}/pause")
async def pause(visit: Visit) -> NextPage:
    """Pause one, with a note for those whose calls are refused."""
    name = visit.path("name")
    order = decode_patch(msgspec.json.encode({"note": visit.form.get("note", "")}), ConnectionPause)
    done = await pause_connection(visit.deps(VendorDeps), name, order, actor=visit.caller.principal)
    kept = f"{name} was paused already, for the reason below. Your note was not kept."
    return NextPage(f"{CONNECTIONS}/{name}", kept if done.was_paused else f"{name} is paused in all processes.")


@action("/console/connections/{name}/resume")
async def resume(visit: Visit) -> NextPage:
    """Resume one."""
    name = visit.path("name")
    await resume_connection(visit.deps(VendorDeps), name, actor=visit.caller.principal)
    return NextPage(f"{CONNECTIONS}/{name}", f"{name} was resumed.")


@action("/console/connections/{name}/mappings/{mapping}/route")
async def route_mapping(visit: Visit) -> NextPage:
    """Activate a revision, or begin or end a shadow."""
    name, mapping, form = visit.path("name"), visit.path("mapping"), visit.form
    order: dict[str, Any] = {"connection": name}
    if "active" in form:
        order["active"] = _number(form["active"], "active")
    if "shadow" in form:
        rate = _number(form.get("sample_rate", ""), "sample_rate", float)
        order["shadow"] = {"revision": _number(form["shadow"], "shadow"), "sample_rate": rate}
    if "end_shadow" in form:
        order["shadow"] = None
    deps = visit.deps(RevisionDeps)
    await mapping_routes.set_route(
        deps.mapping_routes,
        visit.deps(Connections).by_name,
        mapping,
        decode_patch(msgspec.json.encode(order), RouteOrder),
        actor=visit.caller.principal,
    )
    done = f"r{order['active']} of {mapping} is active" if "active" in order else f"The shadow of {mapping} was changed"
    return NextPage(f"{CONNECTIONS}/{name}", f"{done}. Every process follows within about a second.")


@action("/console/connections/{name}/mappings/{mapping}/roll-back")
async def roll_back(visit: Visit) -> NextPage:
    """Activate the revision that was active before."""
    name, mapping = visit.path("name"), visit.path("mapping")
    active = await mapping_routes.roll_back(
        visit.deps(RevisionDeps).mapping_routes,
        visit.deps(Connections).by_name,
        mapping,
        name,
        actor=visit.caller.principal,
    )
    return NextPage(f"{CONNECTIONS}/{name}", f"r{active} of {mapping} is active again.")


@action("/console/connections/{name}/drift/{id}/acknowledge")
async def acknowledge(visit: Visit) -> NextPage:
    """Accept a change in the vendor's records."""
    finding = await findings.acknowledge_drift(visit.deps(DriftDeps), visit.path("id"), actor=visit.caller.principal)
    return NextPage(f"{CONNECTIONS}/{finding.connection}", "The change is acknowledged.")


async def _routes(visit: Visit) -> dict[str, list[tuple[Any, Any]]]:
    """Return pairs of mapping and route, by connection."""
    deps, routes = visit.deps(RevisionDeps), dict[str, list[tuple[Any, Any]]]()
    by_name = visit.deps(Connections).by_name
    for mapping in await mapping_routes.list_mappings(deps.mapping_routes, deps.trial_book, by_name):
        for route in mapping.routes:
            routes.setdefault(route.connection, []).append((mapping, route))
    return routes


def _number(text: str, name: str, kind: type = int) -> Any:
    try:
        return kind(text)
    except ValueError as error:
        raise InvalidField.at(f"/{name}", "is no number") from error
