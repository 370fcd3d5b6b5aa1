"""`lockstitch serve`."""

import os

from app.api import serve as serve_api
from app.settings.environment import load_settings


def serve() -> None:
    """Run the API until SIGTERM. It then finishes running requests and exits."""
    serve_api(load_settings(os.environ))
