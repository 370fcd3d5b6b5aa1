"""Dry runs: draft a write by the revision that the caller names, and show it instead of sending it.

Nothing is recorded and no key is used up.
"""

import time
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET, Struct, UnsetType

from app.writes.deps import WriteDeps
from app.writes.prepare import prepare
from app.writes.resolved_write import WriteRequest, resolve_request
from canonical.parts import Loss, MappingName
from mappings.http import VendorRequest
from mappings.spec import Action

DRY_RUN_LIMIT: Final = 25.0
"""Seconds that all reads before the draft may take, unless the caller says."""


class WouldSend(Struct, frozen=True, kw_only=True):
    """One request that changes something, without credentials. `body` is JSON if it can be decoded, else text."""

    method: str
    """The HTTP method. Example: `"PATCH"`"""
    path: str
    """Path and query at the vendor. Example: `"/crm/v3/objects/contacts/1051"`"""
    body: Any
    """The body; as JSON if it is JSON. Example: `{"properties": {"jobtitle": "Potter"}}`"""


class DraftedWrite(Struct, frozen=True, kw_only=True):
    """The write that would be sent. `action` is the resulting verb, such as update for an upsert."""

    dry_run: bool = True
    """Always true: nothing was sent. Example: `true`"""
    connection: str
    """The connection. Example: `"hubspot"`"""
    mapping: MappingName
    """The revision that drafted the request."""
    action: Action
    """The resulting verb. Example: `"update"`"""
    remote_id: str | None
    """The record that would change; null for a new record. Example: `"1051"`"""
    request: WouldSend
    """The request that would be sent."""
    loss: tuple[Loss, ...]
    """The loss that it would cause."""
    parts: WouldSend | UnsetType = UNSET
    """The request before it that creates records which it then names, such as line items; absent if there are none."""


async def dry_run(deps: WriteDeps, request: WriteRequest) -> DraftedWrite:
    """Draft the write and stop there. Raises what the write itself would raise before it is sent."""
    deadline = time.monotonic() + (DRY_RUN_LIMIT if request.wait is None else request.wait)
    resolved = await resolve_request(deps, request, deadline, dry=True)
    prepared = await prepare(resolved, "op_of_a_dry_run")
    mapping = resolved.mapping
    return DraftedWrite(
        connection=resolved.connection.name,
        mapping=MappingName(name=mapping.name, revision=mapping.revision, vendor_api=mapping.vendor_api),
        action=prepared.effect,
        remote_id=prepared.remote_id,
        request=_shown(prepared.request),
        parts=UNSET if prepared.parts is None else _shown(prepared.parts.request),
        loss=prepared.loss,
    )


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
