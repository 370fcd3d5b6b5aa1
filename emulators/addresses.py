"""E-mail addresses as vendors compare them."""


def folded(address: str) -> str:
    """The address in lower case: A to Z alone, so that no two addresses of people become one."""
    return address.encode().lower().decode()
