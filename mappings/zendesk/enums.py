"""Status, priority, type and channel of a ticket: Zendesk's values and the canonical ones. Channels are read only."""

from typing import Final

from canonical.ticket import TicketChannel, TicketPriority, TicketStatus, TicketType
from mappings.zendesk.wire_v2 import Account

STATUS: Final[dict[str, TicketStatus]] = {
    "new": "new",
    "open": "open",
    "pending": "waiting_on_customer",
    "hold": "on_hold",
    "solved": "resolved",
    "closed": "closed",
    "deleted": "deleted",
}
STATUS_WRITTEN: Final[dict[TicketStatus, str]] = {
    "new": "new",
    "open": "open",
    "waiting_on_customer": "pending",
    "on_hold": "hold",
    "resolved": "solved",
    "closed": "closed",
}
STATUS_LABEL: Final[dict[str, str]] = {
    "new": "New",
    "open": "Open",
    "pending": "Pending",
    "hold": "On-hold",
    "solved": "Solved",
    "closed": "Closed",
    "deleted": "Deleted",
}
"""Zendesk's names, for statuses that an administrator has not renamed."""
PAST_NAMING: Final = frozenset({"closed", "deleted"})
"""Statuses in which a ticket keeps the custom status that it had before. Its name is not used."""
PRIORITY: Final[dict[str | None, TicketPriority]] = {
    None: "none",
    "low": "low",
    "normal": "normal",
    "high": "high",
    "urgent": "urgent",
}
PRIORITY_WRITTEN: Final[dict[TicketPriority, str | None]] = {
    "none": None,
    "low": "low",
    "normal": "normal",
    "high": "high",
    "urgent": "urgent",
}
TYPE: Final[dict[str | None, TicketType]] = {
    "question": "question",
    "incident": "incident",
    "problem": "problem",
    "task": "task",
}
"""A ticket without a type reads as `unknown`, with a raw value of null: the canonical types have no "none"."""
TYPE_WRITTEN: Final[dict[TicketType, str]] = {
    "question": "question",
    "incident": "incident",
    "problem": "problem",
    "task": "task",
}
CHANNEL: Final[dict[str | int | None, TicketChannel]] = {
    # Records use the first word of each group, webhooks the others.
    "email": "email",
    "mail": "email",
    "mailgun": "email",
    "connect_mail": "email",
    "web": "web_form",
    "web_form": "web_form",
    "web_widget": "web_form",
    "help_center": "web_form",
    "helpcenter": "web_form",
    "dropbox": "web_form",
    "api": "api",
    "web_service": "api",
    "chat": "chat",
    "chat_transcript": "chat",
    "chat_offline_message": "chat",
    "native_messaging": "chat",
    "business_messaging_slack_connect": "chat",
    "voice": "phone",
    "voicemail": "phone",
    "phone_call_inbound": "phone",
    "phone_call_outbound": "phone",
    "api_voicemail": "phone",
    "api_phone_call_inbound": "phone",
    "api_phone_call_outbound": "phone",
    "twitter": "social",
    "twitter_dm": "social",
    "twitter_favorite": "social",
    "sunshine_conversations_twitter_dm": "social",
    "facebook": "social",
    "facebook_post": "social",
    "facebook_message": "social",
    "sunshine_conversations_facebook_messenger": "social",
    "instagram_dm": "social",
    "whatsapp": "social",
    "telegram": "social",
    "line": "social",
    "viber": "social",
    "wechat": "social",
    "kakaotalk": "social",
    "apple_business_chat": "social",
    "google_business_messages": "social",
    "sms": "sms",
    "text_message": "sms",
    "twilio_sms": "sms",
    "messagebird_sms": "sms",
    "connect_sms": "sms",
    "google_rcs": "sms",
    "mobile_sdk": "in_app",
    "mobile": "in_app",
    "any_channel": "other",
    "rule": "other",
    "forum": "other",
    "topic": "other",
    "side_conversation": "other",
}
"""Zendesk's via types. Those of later events, and of sample tickets, stay unknown."""


def status_label(status: str, custom_status_id: int | None, account: Account) -> str | None:
    """Return the status as agents see it: the administrator's name, else Zendesk's own."""
    if custom_status_id is not None and status not in PAST_NAMING:
        named = account.status_labels.get(custom_status_id)
        if named is not None:
            return named
    return STATUS_LABEL.get(status)
