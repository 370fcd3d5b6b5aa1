"""A real PgBouncer before a database."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from tests.open_folder import open_folder
from tests.ports import free_port


@contextmanager
def pgbouncer(url: str, server_port: int, mode: str) -> Iterator[str]:
    """Run PgBouncer before the server of `url`, which listens on a port of 127.0.0.1. Yield the URL that leads through
    it. It may not listen yet."""
    program = shutil.which("pgbouncer")
    if program is None:
        pytest.skip("PgBouncer is not installed")
    port, folder, user = free_port(), open_folder("lockstitch-pgbouncer-"), urlsplit(url).username or "postgres"
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        f"[databases]\n* = host=127.0.0.1 port={server_port} user={user}\n"
        f"[pgbouncer]\npool_mode = {mode}\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        "auth_type = any\nmax_client_conn = 100\ndefault_pool_size = 50\n"
    )
    as_other = ["-u", "nobody"] if os.geteuid() == 0 else []
    with subprocess.Popen([program, "-q", *as_other, str(configuration)]) as process:
        try:
            yield urlsplit(url)._replace(netloc=f"lockstitch@127.0.0.1:{port}", query="").geturl()
        finally:
            process.kill()
            process.wait()
            shutil.rmtree(folder)
