"""The facts about one Zendesk account, and what prepares it once."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from canonical.parts import CustomFieldSetting, ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.spec import Unmappable, decode
from mappings.zendesk.wire_v2 import MARK_FIELD, Account, CustomStatus, Person


class _CustomStatuses(Struct, frozen=True, kw_only=True):
    custom_statuses: tuple[CustomStatus, ...]


class _Myself(Struct, frozen=True, kw_only=True):
    user: Person


class _UserField(Struct, frozen=True, kw_only=True):
    key: str
    type: str
    title: str
    description: str


class _UserFieldBody(Struct, frozen=True, kw_only=True):
    user_field: _UserField


# What agents call the statuses, and the agent whose token it is: the author of everything that is written here.
REQUESTS: Final = (
    VendorRequest(method="GET", path="/api/v2/custom_statuses", route="/api/v2/custom_statuses"),
    VendorRequest(method="GET", path="/api/v2/users/me", route="/api/v2/users/me"),
)

# A key is used once in an account, so a second run is refused as a duplicate and changes nothing.
SETUP: Final = (
    VendorRequest(
        method="POST",
        path="/api/v2/user_fields",
        route="/api/v2/user_fields",
        body=msgspec.json.encode(
            _UserFieldBody(
                user_field=_UserField(
                    key=MARK_FIELD,
                    type="text",
                    title="Lockstitch operation",
                    description="Which Lockstitch write made this user. It is read back when an answer was lost.",
                )
            )
        ),
        effect=True,
        idempotent=True,
    ),
)


def build_account(
    replies: tuple[VendorReply | None, ...], custom_fields: Mapping[ObjectName, tuple[CustomFieldSetting, ...]]
) -> Account:
    """The account from the replies to `REQUESTS`. What could not be had, or read, only names things: without custom
    statuses Zendesk's own names hold, without the agent an author is an id."""
    statuses, myself = (*replies, None, None)[:2]
    return Account(
        custom_fields=dict(custom_fields),
        status_labels={} if statuses is None else _labels(statuses),
        people={} if myself is None else _people(myself),
    )


def _labels(reply: VendorReply) -> dict[int, str]:
    try:
        found = decode(reply.body, _CustomStatuses).custom_statuses
    except Unmappable:
        return {}
    return {status.id: status.agent_label for status in found if status.agent_label}


def _people(reply: VendorReply) -> dict[int, Person]:
    try:
        myself = decode(reply.body, _Myself).user
    except Unmappable:
        return {}
    return {myself.id: myself}
