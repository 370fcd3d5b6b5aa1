"""Values that users, tickets and comments have in common."""


def agent_url(url: str | None, kind: str, id: int) -> str | None:
    """Return the address of a record for agents. `url` is its address in the API, which names the host."""
    if url is None:
        return None
    account, separator, _ = url.partition("/api/v2/")
    return f"{account}/agent/{kind}/{id}" if separator else None
