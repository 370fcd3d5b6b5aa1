"""E-mail addresses as vendors compare them."""


def folded(address: str) -> str:
    """Return the address with A to Z in lower case. Other letters stay, so that no two people's addresses become
    one."""
    return address.encode().lower().decode()
