"""The shapes of what an administrator sets up: fields, statuses, groups, organizations."""

from typing import Any

from emulators.state import JsonRecord
from emulators.zendesk.desk import GROUP_ID, Desk
from emulators.zendesk.errors import bad_attribute


def ticket_field(desk: Desk, id: int, given: dict[str, Any]) -> JsonRecord:
    """A ticket field's definition; `custom_field_options` for the kinds that choose from a list."""
    title = given.get("title", "")
    field: JsonRecord = {
        "url": desk.url(f"ticket_fields/{id}"),
        "id": id,
        "type": given.get("type", "text"),
        "title": title,
        "raw_title": title,
        "description": given.get("description", ""),
        "raw_description": given.get("description", ""),
        "position": given.get("position", 9999),
        "active": given.get("active", True),
        "required": given.get("required", False),
        "collapsed_for_agents": False,
        "regexp_for_validation": given.get("regexp_for_validation"),
        "title_in_portal": given.get("title_in_portal", title),
        "raw_title_in_portal": given.get("title_in_portal", title),
        "visible_in_portal": given.get("visible_in_portal", False),
        "editable_in_portal": given.get("editable_in_portal", False),
        "required_in_portal": given.get("required_in_portal", False),
        "agent_can_edit": True,
        "tag": given.get("tag"),
        "created_at": desk.stamp,
        "updated_at": desk.stamp,
        "removable": True,
        "key": None,
        "agent_description": given.get("agent_description"),
        "raw_agent_description": given.get("agent_description"),
    }
    if field["type"] in ("tagger", "multiselect"):
        field["custom_field_options"] = _options(desk, given)
    return field


def user_field(desk: Desk, id: int, given: dict[str, Any]) -> JsonRecord:
    """A user field's definition; users carry its value under its `key`."""
    title = given.get("title", "")
    field: JsonRecord = {
        "url": desk.url(f"user_fields/{id}"),
        "id": id,
        "type": given.get("type", "text"),
        "key": given.get("key", ""),
        "title": title,
        "raw_title": title,
        "description": given.get("description", ""),
        "raw_description": given.get("description", ""),
        "position": given.get("position", 9999),
        "active": given.get("active", True),
        "system": False,
        "regexp_for_validation": given.get("regexp_for_validation"),
        "tag": given.get("tag"),
        "created_at": desk.stamp,
        "updated_at": desk.stamp,
    }
    if field["type"] == "dropdown":
        field["custom_field_options"] = _options(desk, given)
    return field


def custom_status(desk: Desk, id: int, given: dict[str, Any]) -> JsonRecord:
    """A ticket status within one of the five categories."""
    label = given.get("agent_label", "")
    end_user_label = given.get("end_user_label", label)
    return {
        "url": desk.url(f"custom_statuses/{id}"),
        "id": id,
        "status_category": given.get("status_category", "open"),
        "agent_label": label,
        "raw_agent_label": label,
        "end_user_label": end_user_label,
        "raw_end_user_label": end_user_label,
        "description": given.get("description", ""),
        "raw_description": given.get("description", ""),
        "end_user_description": given.get("end_user_description", ""),
        "raw_end_user_description": given.get("end_user_description", ""),
        "active": given.get("active", True),
        "default": False,
        "created_at": desk.stamp,
        "updated_at": desk.stamp,
    }


def organization(desk: Desk, id: int, given: dict[str, Any]) -> JsonRecord:
    """A company that users belong to."""
    return {
        "url": desk.url(f"organizations/{id}"),
        "id": id,
        "name": given.get("name", ""),
        "shared_tickets": given.get("shared_tickets", False),
        "shared_comments": given.get("shared_comments", False),
        "external_id": given.get("external_id"),
        "created_at": desk.stamp,
        "updated_at": desk.stamp,
        "domain_names": given.get("domain_names", []),
        "details": given.get("details", ""),
        "notes": given.get("notes", ""),
        "group_id": given.get("group_id"),
        "tags": given.get("tags", []),
        "organization_fields": given.get("organization_fields", {}),
    }


def group(desk: Desk, id: int, given: dict[str, Any]) -> JsonRecord:
    """A group of agents."""
    return {
        "url": desk.url(f"groups/{id}"),
        "id": id,
        "is_public": True,
        "name": given.get("name", ""),
        "description": given.get("description", ""),
        "default": id == GROUP_ID,
        "deleted": False,
        "created_at": desk.stamp,
        "updated_at": desk.stamp,
    }


def _options(desk: Desk, given: dict[str, Any]) -> list[dict[str, Any]]:
    options = given.get("custom_field_options") or []
    if not isinstance(options, list) or not all(isinstance(option, dict) for option in options):
        raise bad_attribute("custom_field_options", "an array of objects")
    return [_option(desk, option) for option in options]


def _option(desk: Desk, given: dict[str, Any]) -> dict[str, Any]:
    name = given.get("name", "")
    return {
        "id": given.get("id") or desk.new_id(),
        "name": name,
        "raw_name": name,
        "value": given.get("value", ""),
        "default": given.get("default", False),
    }
