"""Which database a command means."""

import json

from app.complaints import Complaint
from app.settings import Settings


def find_database(settings: Settings) -> str:
    """The configured database, else that of the `lockstitch dev` that runs on the same data folder.

    Raises Complaint where there is neither.
    """
    if settings.database_url is not None:
        return settings.database_url
    try:
        announced: str = json.loads((settings.data_dir / "dev.json").read_bytes())["database_url"]
    except FileNotFoundError:
        raise Complaint(
            "LOCKSTITCH_DATABASE_URL is not set, and no `lockstitch dev` is running in this folder:"
            " name a database or start one."
        ) from None
    return announced
