"""Tags of customers and orders."""

from emulators.shopify.errors import JsonRecord, user_error

MOST_TAGS = 250
LONGEST_TAG = 255


def tidy(tags: list[str]) -> list[str]:
    """Return tags as Shopify stores them: separated by commas (`tagsAdd`), trimmed, each once regardless of case, in
    alphabetical order."""
    kept: dict[str, str] = {}
    for tag in ",".join(tags).split(","):
        if tag.strip():
            kept.setdefault(tag.strip().lower(), tag.strip())
    return [kept[key] for key in sorted(kept)]


def flaws(tags: list[str] | None, field: list[str]) -> list[JsonRecord]:
    """Return user errors about too many tags, or one that is too long."""
    if tags is None:
        return []
    if len(tidy(tags)) > MOST_TAGS:
        return [user_error(field, f"Tags cannot be more than {MOST_TAGS}", "TOO_LONG")]
    if any(len(tag.strip()) > LONGEST_TAG for tag in tags):
        return [
            user_error(field, f"Tags is too long (maximum is {LONGEST_TAG} characters)", "TOO_LONG"),
        ]
    return []
