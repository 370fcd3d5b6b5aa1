"""Account facts: ticket pipelines, their stages as statuses, and the options of enumerations."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from canonical.parts import CustomFieldSetting, ObjectName
from canonical.ticket import TicketStatus
from mappings.http import VendorReply, VendorRequest
from mappings.hubspot.wire_v3 import (
    DEFAULT_PIPELINE,
    Account,
    Pipeline,
    PipelineRecord,
    Pipelines,
    PropertyDefinitions,
    Stage,
    StageMetadata,
    StageRecord,
)
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

CONTACT_ENUMERATIONS: Final = ("lifecyclestage", "hs_language", "hs_timezone")
TICKET_ENUMERATIONS: Final = ("hs_ticket_priority", "hs_ticket_category", "source_type")


def _definitions(object_type: str, names: tuple[str, ...]) -> VendorRequest:
    body = {"archived": False, "inputs": [{"name": name} for name in names]}
    return VendorRequest(
        method="POST",
        path=f"/crm/v3/properties/{object_type}/batch/read",
        route="/crm/v3/properties/{object_type}/batch/read",
        body=msgspec.json.encode(body),
    )


ACCOUNT_REQUESTS: Final = (
    VendorRequest(method="GET", path="/crm/v3/pipelines/tickets", route="/crm/v3/pipelines/{object_type}"),
    _definitions("contacts", CONTACT_ENUMERATIONS),
    _definitions("tickets", TICKET_ENUMERATIONS),
)


def build_account(
    replies: tuple[VendorReply | None, ...], custom_fields: Mapping[ObjectName, tuple[CustomFieldSetting, ...]]
) -> Account:
    """Build the account from the replies to ACCOUNT_REQUESTS, in that order; None is a failed one.

    Without pipelines, the account has HubSpot's default pipeline. Without property definitions, options are unknown.
    Raises VendorDrift for a reply of another shape.
    """
    pipelines, contacts, tickets = replies
    options = _options("contacts", contacts) | _options("tickets", tickets)
    if pipelines is None:
        return Account(options=options, custom_fields=dict(custom_fields))
    return Account(
        pipelines=_pipelines(decode(pipelines.body, Pipelines).results),
        options=options,
        custom_fields=dict(custom_fields),
    )


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


def stages_with_status(account: Account, status: str) -> tuple[str, ...]:
    """Return the ids of the stages with a status, of all pipelines."""
    return tuple(
        stage.id
        for pipeline in account.pipelines.values()
        for stage in pipeline.stages.values()
        if stage.status == status
    )


def _is_closed(metadata: StageMetadata) -> bool | None:
    if metadata.ticket_state in ("OPEN", "CLOSED"):
        return metadata.ticket_state == "CLOSED"
    if metadata.is_closed in ("true", "false"):
        return metadata.is_closed == "true"
    return None


def _pipelines(records: Iterable[PipelineRecord]) -> dict[str, Pipeline]:
    return {
        pipeline.id: Pipeline(
            id=pipeline.id,
            label=pipeline.label,
            stages={
                stage.id: Stage(id=stage.id, label=stage.label, status=stage_status(pipeline.id, stage))
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
