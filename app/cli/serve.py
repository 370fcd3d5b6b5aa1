"""`lockstitch serve`."""

import os

from app.api import serve as serve_api
from app.cli.database import needing_database
from app.settings.environment import load_settings


def serve() -> None:
    """Run the API until SIGTERM, then finish running requests and exit."""
    with needing_database():
        serve_api(load_settings(os.environ))
