"""Tools for agents: `/mcp`, the Model Context Protocol over operations of the API."""
