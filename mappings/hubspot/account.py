"""Account facts: pipelines of tickets and orders, their stages as statuses, and the options of enumerations."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from canonical.order import OrderStatus
from canonical.parts import CustomFieldSetting, ObjectName
from canonical.ticket import TicketStatus
from mappings.http import VendorReply, VendorRequest
from mappings.hubspot.wire_v3 import (
    DEFAULT_PIPELINE,
    ORDER_PIPELINE,
    Account,
    AssociationLabels,
    Owner,
    Owners,
    Pipeline,
    PipelineRecord,
    Pipelines,
    PropertyDefinitions,
    Stage,
    StageMetadata,
    StageRecord,
    Status,
    documented_order_pipelines,
    documented_pipelines,
)
from mappings.kit.refusals import read, text
from mappings.kit.rest import get
from mappings.manifest import AccountMarks, Identity
from mappings.spec import decode

DEFAULT_STAGES: Final[dict[str, TicketStatus]] = {
    "1": "new",
    "2": "waiting_on_customer",
    "3": "open",
    "4": "closed",
}
"""The stages of the pipeline that every account starts with. Their ids stay if an account renames or translates them,
so the id counts before the label."""
LABELS: Final[dict[str, TicketStatus]] = {
    "new": "new",
    "waiting on contact": "waiting_on_customer",
    "waiting on us": "open",
    "closed": "closed",
}
"""The labels that HubSpot gives to the stages of a new pipeline. The meaning of an account's own label is unknown."""

DEFAULT_ORDER_STAGES: Final[dict[str, OrderStatus]] = {
    stage.id: stage.status for stage in documented_order_pipelines()[ORDER_PIPELINE].stages.values()
}
"""The stages of the order pipeline that every account starts with."""
ORDER_LABELS: Final[dict[str, OrderStatus]] = {
    "open": "open",
    "processed": "open",
    "processing": "open",
    "shipped": "open",
    "on hold": "on_hold",
    "draft": "draft",
    "delivered": "completed",
    "completed": "completed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "failed": "failed",
}
"""HubSpot's labels of order stages, and common ones."""

CONTACT_ENUMERATIONS: Final = ("lifecyclestage", "hs_language", "hs_timezone")
TICKET_ENUMERATIONS: Final = ("hs_ticket_priority", "hs_ticket_category", "source_type")
ORDER_ENUMERATIONS: Final = ("hs_payment_status", "hs_fulfillment_status")
"""Text in most accounts; an account with options accepts only these."""


OWNERS: Final = get("/crm/v3/owners", ("limit", "500"), ("archived", "false"))


def _definitions(object_type: str, names: tuple[str, ...]) -> VendorRequest:
    body = {"archived": False, "inputs": [{"name": name} for name in names]}
    return VendorRequest(
        method="POST",
        path=f"/crm/v3/properties/{object_type}/batch/read",
        route="/crm/v3/properties/{object_type}/batch/read",
        body=msgspec.json.encode(body),
    )


TICKET_PIPELINES: Final = get("/crm/v3/pipelines/tickets", route="/crm/v3/pipelines/{object_type}")
ORDER_PIPELINES: Final = get("/crm/v3/pipelines/orders", route="/crm/v3/pipelines/{object_type}")
CONTACT_OPTIONS: Final = _definitions("contacts", CONTACT_ENUMERATIONS)
TICKET_OPTIONS: Final = _definitions("tickets", TICKET_ENUMERATIONS)
ORDER_OPTIONS: Final = _definitions("orders", ORDER_ENUMERATIONS)
TICKET_TO_ORDER: Final = get(
    "/crm/v4/associations/tickets/orders/labels", route="/crm/v4/associations/{from}/{to}/labels"
)
ACCOUNT_REQUESTS: Final = (
    TICKET_PIPELINES,
    CONTACT_OPTIONS,
    TICKET_OPTIONS,
    ORDER_PIPELINES,
    ORDER_OPTIONS,
    OWNERS,
    TICKET_TO_ORDER,
)
NEEDS: Final[dict[ObjectName, tuple[VendorRequest, ...]]] = {
    "customer": (CONTACT_OPTIONS,),
    "ticket": (TICKET_PIPELINES, TICKET_OPTIONS, TICKET_TO_ORDER),
    "order": (ORDER_PIPELINES, ORDER_OPTIONS),
    "comment": (),
}
"""The owners are read with the first record that has one (`related`)."""


class _Portal(Struct, frozen=True, kw_only=True, rename="camel"):
    portal_id: int | str | None = None


def portal_of(body: bytes) -> AccountMarks:
    """Return the portal, which is HubSpot's word for an account, that a JSON object names."""
    portal = text((read(body, _Portal) or _Portal()).portal_id)
    return {} if portal is None else {"portal": portal}


IDENTITY: Final = Identity(request=get("/account-info/v3/details"), read=lambda reply: portal_of(reply.body))


def build_account(
    replies: tuple[VendorReply | None, ...], custom_fields: Mapping[ObjectName, tuple[CustomFieldSetting, ...]]
) -> Account:
    """Build the account from the replies to ACCOUNT_REQUESTS, in that order; None is a failed one.

    Without pipelines, the account has HubSpot's default ones. Without property definitions, options are unknown. A
    token without the scopes of orders gets the defaults of orders, and its tickets have no orders; the owners of such a
    token, or beyond the first 500, have no name. Raises VendorDrift for a reply of another shape.
    """
    pipelines, contacts, tickets, order_pipelines, orders, owners, labels = replies
    return Account(
        pipelines=documented_pipelines()
        if pipelines is None
        else _pipelines(decode(pipelines.body, Pipelines).results, stage_status),
        order_pipelines=documented_order_pipelines()
        if order_pipelines is None
        else _pipelines(decode(order_pipelines.body, Pipelines).results, order_stage_status),
        options=_options("contacts", contacts) | _options("tickets", tickets) | _options("orders", orders),
        custom_fields=dict(custom_fields),
        owners=None if owners is None else owners_of(owners),
        ticket_to_order=None if labels is None else _general_type(decode(labels.body, AssociationLabels)),
    )


def owners_of(reply: VendorReply) -> dict[str, Owner]:
    """Return the owners by id."""
    return {one.id: one for one in decode(reply.body, Owners).results}


def stage_status(pipeline_id: str, stage: StageRecord) -> TicketStatus:
    """Return the status of a stage. `ticketState` decides whether it is closed. An open stage with an unknown label is
    `open`."""
    named = DEFAULT_STAGES.get(stage.id) if pipeline_id == DEFAULT_PIPELINE else None
    named = named or LABELS.get(stage.label.strip().casefold())
    closed = _is_closed(stage.metadata)
    if closed is None:
        return named or "open"
    if closed:
        return "closed"
    return "open" if named in (None, "closed") else named


def order_stage_status(pipeline_id: str, stage: StageRecord) -> OrderStatus:
    """Return the status of an order stage. A closed stage is not `open`, an open one is not `completed`. A closed stage
    with an unknown label is `unknown`: it may mean delivered or lost."""
    named = ORDER_LABELS.get(stage.label.strip().casefold())
    if named is None and pipeline_id == ORDER_PIPELINE:
        named = DEFAULT_ORDER_STAGES.get(stage.id)
    closed = _is_closed(stage.metadata)
    if closed is None:
        return named or "open"
    if closed:
        return "completed" if named in ("open", "on_hold", "draft") else named or "unknown"
    return "open" if named in (None, "completed") else named


def stages_with_status(account: Account, status: str) -> tuple[str, ...]:
    """Return the ids of the stages with a status, of all pipelines."""
    return tuple(
        stage.id
        for pipeline in account.pipelines.values()
        for stage in pipeline.stages.values()
        if stage.status == status
    )


def _general_type(labels: AssociationLabels) -> int | None:
    """Return the type that HubSpot defines and that has no label."""
    return next((one.type_id for one in labels.results if one.category == "HUBSPOT_DEFINED" and not one.label), None)


def _is_closed(metadata: StageMetadata) -> bool | None:
    state = metadata.ticket_state or metadata.state
    if state in ("OPEN", "CLOSED"):
        return state == "CLOSED"
    if metadata.is_closed in ("true", "false"):
        return metadata.is_closed == "true"
    return None


def _pipelines(
    records: Iterable[PipelineRecord], status_of: Callable[[str, StageRecord], Status]
) -> dict[str, Pipeline[Status]]:
    return {
        pipeline.id: Pipeline(
            id=pipeline.id,
            label=pipeline.label,
            stages={
                stage.id: Stage(id=stage.id, label=stage.label, status=status_of(pipeline.id, stage))
                for stage in sorted(pipeline.stages, key=lambda stage: stage.display_order)
            },
        )
        for pipeline in sorted(records, key=lambda pipeline: pipeline.display_order)
    }


def _options(object_type: str, reply: VendorReply | None) -> dict[str, tuple[str, ...]]:
    if reply is None:
        return {}
    return {
        f"{object_type}.{definition.name}": tuple(
            option.value for option in sorted(definition.options, key=lambda option: option.display_order)
        )
        for definition in decode(reply.body, PropertyDefinitions).results
        if definition.options
    }
