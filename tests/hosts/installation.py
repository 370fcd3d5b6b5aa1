"""Lockstitch on hosts of `network`: two APIs behind HAProxy, two workers, and the vendors' emulators."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import httpx

from tests.encryption import ENCRYPTION_KEYS
from tests.hosts.cluster import BY_PROXY, NODES, PASSWORD, PRIMARY, wait_until
from tests.hosts.network import ADDRESSES, inside, run

ROOT: Final = Path(__file__).resolve().parents[2]
WEBHOOK_SECRETS: Final = {"shop": "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", "crm": "7c1e5a90-lab-client-secret"}
VENDOR_TOKEN: Final = "hubspot-dev-token"
CALLS: Final = f"http://{ADDRESSES['lb']}:8080"
HOOK: Final = (ADDRESSES["client"], 9000)
VENDORS: Final = f"http://{ADDRESSES['vendor']}:8090"
HOSTS: Final = {"app1": "serve", "app2": "serve", "work1": "worker", "work2": "worker"}
PROBE: Final = {"serve": 8082, "worker": 8081}
CONFIGURATION: Final = f"""
[connections.crm]
vendor = "hubspot"
base_url = "{VENDORS}/hubspot"
credentials = {{ token = "env:HUBSPOT_TOKEN" }}
webhook_secrets = ["env:CRM_SECRET"]
pacing = {{ units = 60000, per_seconds = 60, concurrency = 32 }}
[connections.shop]
vendor = "shopify"
webhook_secrets = ["env:SHOP_SECRET"]
[systems_of_record]
customers = "crm"
[pull]
every = "off"
[reconcile]
every = "off"
"""


def by_hosts(order: Iterable[int]) -> str:
    """Return a URL of the database that names its hosts in this order."""
    hosts = ",".join(f"{NODES[number]}:5432" for number in order)
    return f"postgresql://lockstitch:{PASSWORD}@{hosts}/lockstitch"


class Installation:
    """The processes. Call it on the host `client`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ahead: list[int] = []
        self.http = httpx.Client(timeout=30.0, trust_env=False)
        (folder / "lockstitch.toml").write_text(CONFIGURATION)

    def start_proxy(self) -> None:
        """Start HAProxy, before the API and the database, with the file of `deploy`. End the one that runs."""
        self._end("haproxy")
        apis = {"API1": ADDRESSES["app1"], "API2": ADDRESSES["app2"], "LISTEN": f"{ADDRESSES['lb']}:8080"}
        nodes = {f"DB{number}": ip for number, ip in NODES.items()}
        words = ["haproxy", "-db", "-f", str(ROOT / "deploy" / "haproxy.cfg")]
        self._start("haproxy", "lb", words, {**apis, **nodes, "PRIMARY": PRIMARY})
        # It takes every server for up until it has checked.
        wait_until("the primary through HAProxy", lambda: [self.is_primary() for _ in range(6)] == [True] * 6)

    def is_primary(self) -> bool:
        """Return whether HAProxy leads to a primary."""
        return psql("SELECT pg_is_in_recovery()") == "f"

    def start(self, database_url: str) -> dict[str, float]:
        """Migrate, and start everything. Return how many seconds each process took until it was ready."""
        if "vendors" not in self._running:
            words = [sys.executable, "-m", "emulators", "--host", ADDRESSES["vendor"], "--no-calls"]
            self._start("vendors", "vendor", words, {})
            wait_until("the emulators", self._has_vendors)
        self.command("migrate", "--wait", "60")
        began = time.monotonic()
        for host in HOSTS:
            self.start_one(host, database_url)
        took: dict[str, float] = {}
        while len(took) < len(HOSTS):
            for host in HOSTS.keys() - took.keys():
                assert self._running[host].poll() is None, (self._folder / f"{host}.log").read_text()[-2000:]
                if self.is_ready(host):
                    took[host] = time.monotonic() - began
            assert time.monotonic() - began < 120, took
            time.sleep(0.1)
        wait_until("the APIs through HAProxy", lambda: self.http.get(f"{CALLS}/health/ready").status_code == 200)
        return took

    def start_one(self, host: str, database_url: str, *, ahead: str = "") -> None:
        """Start the process of a host; with `ahead`, such as `+90s`, its clock is ahead."""
        settings = self._settings(database_url) | {"LOCKSTITCH_HOST": ADDRESSES[host]}
        if ahead:
            (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
            settings |= {"LD_PRELOAD": str(library), "FAKETIME": ahead, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        self._start(host, host, [sys.executable, "-m", "app.cli", HOSTS[host]], settings)
        if ahead:
            self._ahead.append(self._running[host].pid)

    def send(self, host: str, which: signal.Signals) -> None:
        """Send a signal to the process of a host, and wait for the end of one that ends."""
        self._running[host].send_signal(which)
        if which in (signal.SIGKILL, signal.SIGTERM):
            self._running[host].wait(60)

    def is_ready(self, host: str) -> bool:
        """Return whether the process of a host is ready."""
        try:
            url = f"http://{ADDRESSES[host]}:{PROBE[HOSTS[host]]}/health/ready"
            return self.http.get(url, timeout=3.0).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        """Stop the APIs and workers."""
        for host in HOSTS:
            self._running[host].send_signal(signal.SIGTERM)
        for host in HOSTS:
            self._running.pop(host).wait(60)

    def pids(self) -> dict[str, int]:
        """Return the process of each host."""
        return {host: self._running[host].pid for host in HOSTS if self._running[host].poll() is None}

    def close(self) -> None:
        """End everything."""
        for process in self._running.values():
            process.kill()
            process.wait(30)
        for pid in self._ahead:  # what libfaketime leaves behind
            for name in (f"shm/faketime_shm_{pid}", f"shm/sem.faketime_sem_{pid}"):
                Path("/dev", name).unlink(missing_ok=True)
        self.http.close()

    def command(self, *words: str) -> str:
        """Run a command of Lockstitch, and return what it prints."""
        environment = self._environment(self._settings(BY_PROXY))
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *words], env=environment, cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def contacts(self) -> list[dict[str, Any]]:
        """Return the vendor's contacts."""
        query = {"vendor": "hubspot", "object": "contacts"}
        return self.http.get(f"{VENDORS}/_emulator/records", params=query).json()["records"]

    def _end(self, name: str) -> None:
        if process := self._running.pop(name, None):
            process.terminate()
            process.wait(30)

    def _has_vendors(self) -> bool:
        try:
            limit = {"vendor": "hubspot", "per_minute": 1_000_000, "search_lag": 0.0}
            return self.http.post(f"{VENDORS}/_emulator/limits", json=limit).status_code == 200
        except httpx.HTTPError:
            return False

    def _settings(self, database_url: str) -> dict[str, str]:
        return {
            "LOCKSTITCH_DATABASE_URL": database_url,
            "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS,
            "LOCKSTITCH_CONFIG": str(self._folder / "lockstitch.toml"),
            "LOCKSTITCH_PUBLIC_URL": CALLS,
            "LOCKSTITCH_RATE_LIMIT_PER_MINUTE": "0",
            "LOCKSTITCH_EGRESS_ALLOW": f"{HOOK[0]}/32:{HOOK[1]}",
            "HUBSPOT_TOKEN": VENDOR_TOKEN,
            **{f"{connection.upper()}_SECRET": secret for connection, secret in WEBHOOK_SECRETS.items()},
        }

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("LOCKSTITCH_", "OTEL_"))}
        return own | more

    def _start(self, name: str, host: str, words: list[str], more: dict[str, str]) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                inside(host, *words),
                env=self._environment(more),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def psql(query: str) -> str:
    """Run a query at the primary through HAProxy, and return its only value; empty if that fails."""
    return run("psql", f"{BY_PROXY}?connect_timeout=2", "-qAtXc", query, check=False).strip()
