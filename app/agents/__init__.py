"""Tools for agents: `/mcp`, the Model Context Protocol over operations of the API."""

from importlib.util import find_spec


def has_agents() -> bool:
    """Return whether the extra `agents` is installed."""
    return find_spec("mcp") is not None
