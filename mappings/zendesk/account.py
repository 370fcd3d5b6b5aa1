"""The facts about one Zendesk account, and the requests that prepare it once."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from canonical.parts import CustomFieldSetting, ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.kit.refusals import read
from mappings.kit.rest import get, post
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


# The names of statuses, and the agent of the token, who is the author of all writes.
REQUESTS: Final = (get("/api/v2/custom_statuses"), get("/api/v2/users/me"))

NEEDS: Final[dict[ObjectName, tuple[VendorRequest, ...]]] = {
    "customer": (),
    "ticket": REQUESTS,
    "comment": REQUESTS[1:],
}

# A key is unique in an account: Zendesk refuses a second run as a duplicate.
SETUP: Final = (
    post(
        "/api/v2/user_fields",
        msgspec.json.encode(
            _UserFieldBody(
                user_field=_UserField(
                    key=MARK_FIELD,
                    type="text",
                    title="Lockstitch operation",
                    description="The operation that created this user, to find it after a lost answer.",
                )
            )
        ),
        idempotent=True,
    ),
)


def build_account(
    replies: tuple[VendorReply | None, ...], custom_fields: Mapping[ObjectName, tuple[CustomFieldSetting, ...]]
) -> Account:
    """Build the account from the replies to `REQUESTS`. Without custom statuses, Zendesk's own names are used; without
    the agent, an author is an id."""
    statuses, myself = (*replies, None, None)[:2]
    labels = None if statuses is None else read(statuses.body, _CustomStatuses)
    agent = None if myself is None else read(myself.body, _Myself)
    return Account(
        custom_fields=dict(custom_fields),
        status_labels={}
        if labels is None
        else {one.id: one.agent_label for one in labels.custom_statuses if one.agent_label},
        people={} if agent is None else {agent.user.id: agent.user},
    )
