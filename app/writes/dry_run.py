"""What a write would be at the vendor by a revision that the caller names, without sending it.

Nothing is recorded and no key is used up: the record is read where the write needs that, the request is drafted, and
shown.
"""

import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from app.records.resolve import choose_mapping
from app.writes.deps import WriteDeps
from app.writes.intent import WriteRequest, read_intent
from app.writes.prepare import PreparedWrite, ResolvedWrite, find_by_key, prepare, prepare_create, prepare_update
from canonical.parts import Loss, MappingName
from mappings.http import VendorRequest
from mappings.spec import Action

DRY_RUN_LIMIT: Final = 25.0
"""Seconds that the reads which come first may take in all, unless the caller says."""


class WouldSend(Struct, frozen=True, kw_only=True):
    """The request that changes something, without credentials."""

    method: str
    """The HTTP method. Example: `"PATCH"`"""
    path: str
    """Path and query at the vendor. Example: `"/crm/v3/objects/contacts/1051"`"""
    body: Any
    """The body; as JSON if it is JSON. Example: `{"properties": {"jobtitle": "Potter"}}`"""


class DraftedWrite(Struct, frozen=True, kw_only=True):
    """A write that was drafted and not sent."""

    dry_run: bool = True
    """Always true: nothing was sent. Example: `true`"""
    connection: str
    """The connection. Example: `"hubspot"`"""
    mapping: MappingName
    """The revision that drafted the request."""
    action: Action
    """The resulting verb, such as `update` for an upsert. Example: `"update"`"""
    remote_id: str | None
    """The record that would change; null for a new record. Example: `"1051"`"""
    request: WouldSend
    """The request that would be sent."""
    loss: tuple[Loss, ...]
    """The loss that it would cause."""


async def dry_run(deps: WriteDeps, request: WriteRequest, check: Callable[[], None]) -> DraftedWrite:
    """Draft the write and stop there. Raises what the write itself would raise before it is sent."""
    deadline = time.monotonic() + (DRY_RUN_LIMIT if request.wait is None else request.wait)
    intent = await read_intent(deps, request, check)
    connection = deps.connections.by_name[intent.connection]
    mapping = choose_mapping(deps, connection, intent.object, intent.revision)
    resolved = ResolvedWrite(deps, connection, mapping, intent, deadline, dry=True)
    prepared = await _prepare(resolved)
    return DraftedWrite(
        connection=connection.name,
        mapping=MappingName(name=mapping.name, revision=mapping.revision, vendor_api=mapping.vendor_api),
        action=prepared.effect,
        remote_id=prepared.remote_id,
        request=_shown(prepared.request),
        loss=prepared.loss,
    )


async def _prepare(resolved: ResolvedWrite) -> PreparedWrite:
    marker = "op_of_a_dry_run"
    on, value = resolved.intent.upsert_on, resolved.intent.upsert_value
    if on is None or value is None or on in resolved.mapping.endpoints.upsert:
        return await prepare(resolved, marker)
    remote_id = await find_by_key(resolved, on, value)
    if remote_id is None:
        return await prepare_create(resolved, marker)
    return await prepare_update(resolved, marker, remote_id)


def _shown(request: VendorRequest) -> WouldSend:
    path = request.path + (f"?{urlencode(request.query)}" if request.query else "")
    return WouldSend(method=request.method, path=path, body=_body(request.body))


def _body(body: bytes | None) -> Any:
    if not body:
        return None
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body.decode(errors="replace")
