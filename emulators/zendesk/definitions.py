"""The members of what an administrator configures: fields, statuses, groups, organizations."""

from typing import Any

from emulators.state import JsonRecord
from emulators.zendesk.desk import GROUP_ID, Desk
from emulators.zendesk.errors import bad_attribute


def ticket_field(desk: Desk, id: int, body: dict[str, Any]) -> JsonRecord:
    """Return a ticket field's definition, with `custom_field_options` for choices."""
    title = body.get("title", "")
    field: JsonRecord = {
        "url": desk.url(f"ticket_fields/{id}"),
        "id": id,
        "type": body.get("type", "text"),
        "title": title,
        "raw_title": title,
        "description": body.get("description", ""),
        "raw_description": body.get("description", ""),
        "position": body.get("position", 9999),
        "active": body.get("active", True),
        "required": body.get("required", False),
        "collapsed_for_agents": False,
        "regexp_for_validation": body.get("regexp_for_validation"),
        "title_in_portal": body.get("title_in_portal", title),
        "raw_title_in_portal": body.get("title_in_portal", title),
        "visible_in_portal": body.get("visible_in_portal", False),
        "editable_in_portal": body.get("editable_in_portal", False),
        "required_in_portal": body.get("required_in_portal", False),
        "agent_can_edit": True,
        "tag": body.get("tag"),
        "created_at": desk.stamp,
        "updated_at": desk.stamp,
        "removable": True,
        "key": None,
        "agent_description": body.get("agent_description"),
        "raw_agent_description": body.get("agent_description"),
    }
    if field["type"] in ("tagger", "multiselect"):
        field["custom_field_options"] = _options(desk, body)
    return field


def user_field(desk: Desk, id: int, body: dict[str, Any]) -> JsonRecord:
    """Return a user field's definition. Users have its value under its `key`."""
    title = body.get("title", "")
    field: JsonRecord = {
        "url": desk.url(f"user_fields/{id}"),
        "id": id,
        "type": body.get("type", "text"),
        "key": body.get("key", ""),
        "title": title,
        "raw_title": title,
        "description": body.get("description", ""),
        "raw_description": body.get("description", ""),
        "position": body.get("position", 9999),
        "active": body.get("active", True),
        "system": False,
        "regexp_for_validation": body.get("regexp_for_validation"),
        "tag": body.get("tag"),
        "created_at": desk.stamp,
        "updated_at": desk.stamp,
    }
    if field["type"] == "dropdown":
        field["custom_field_options"] = _options(desk, body)
    return field


def custom_status(desk: Desk, id: int, body: dict[str, Any]) -> JsonRecord:
    """Return a ticket status within one of the five categories."""
    label = body.get("agent_label", "")
    end_user_label = body.get("end_user_label", label)
    return {
        "url": desk.url(f"custom_statuses/{id}"),
        "id": id,
        "status_category": body.get("status_category", "open"),
        "agent_label": label,
        "raw_agent_label": label,
        "end_user_label": end_user_label,
        "raw_end_user_label": end_user_label,
        "description": body.get("description", ""),
        "raw_description": body.get("description", ""),
        "end_user_description": body.get("end_user_description", ""),
        "raw_end_user_description": body.get("end_user_description", ""),
        "active": body.get("active", True),
        "default": False,
        "created_at": desk.stamp,
        "updated_at": desk.stamp,
    }


def organization(desk: Desk, id: int, body: dict[str, Any]) -> JsonRecord:
    """Return a company of users."""
    return {
        "url": desk.url(f"organizations/{id}"),
        "id": id,
        "name": body.get("name", ""),
        "shared_tickets": body.get("shared_tickets", False),
        "shared_comments": body.get("shared_comments", False),
        "external_id": body.get("external_id"),
        "created_at": desk.stamp,
        "updated_at": desk.stamp,
        "domain_names": body.get("domain_names", []),
        "details": body.get("details", ""),
        "notes": body.get("notes", ""),
        "group_id": body.get("group_id"),
        "tags": body.get("tags", []),
        "organization_fields": body.get("organization_fields", {}),
    }


def group(desk: Desk, id: int, body: dict[str, Any]) -> JsonRecord:
    """Return a group of agents."""
    return {
        "url": desk.url(f"groups/{id}"),
        "id": id,
        "is_public": True,
        "name": body.get("name", ""),
        "description": body.get("description", ""),
        "default": id == GROUP_ID,
        "deleted": False,
        "created_at": desk.stamp,
        "updated_at": desk.stamp,
    }


def _options(desk: Desk, body: dict[str, Any]) -> list[dict[str, Any]]:
    options = body.get("custom_field_options") or []
    if not isinstance(options, list) or not all(isinstance(option, dict) for option in options):
        raise bad_attribute("custom_field_options", "an array of objects")
    return [_option(desk, option) for option in options]


def _option(desk: Desk, option: dict[str, Any]) -> dict[str, Any]:
    name = option.get("name", "")
    return {
        "id": option.get("id") or desk.new_id(),
        "name": name,
        "raw_name": name,
        "value": option.get("value", ""),
        "default": option.get("default", False),
    }
