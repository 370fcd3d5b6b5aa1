"""Three PostgreSQL under Patroni with etcd, each on a host of `network`.

Known traps: Patroni 3.0.2 with `etcd3:` lets two primaries lose committed data, so it is `etcd:`. With the default
`wal_sender_timeout` a demotion hangs on silent standbys. Without a synchronous standby, Patroni rightly promotes none.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx

from tests.hosts.network import ADDRESSES, children_of, inside, run

BIN: Final = "/usr/lib/postgresql/15/bin"
PASSWORD: Final = "lab-password"
DISK: Final = "1g"
NODES: Final = {number: ADDRESSES[f"db{number}"] for number in (1, 2, 3)}
PRIMARY: Final = f"{ADDRESSES['lb']}:5000"
BY_PROXY: Final = f"postgresql://lockstitch:{PASSWORD}@{PRIMARY}/lockstitch"
PATRONI: Final = """
scope: lab
namespace: /service/
name: db{number}
restapi: {{listen: '{ip}:8008', connect_address: '{ip}:8008'}}
etcd: {{hosts: {etcd}}}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 5
    retry_timeout: 5
    synchronous_mode: true
    postgresql:
      use_pg_rewind: true
      parameters:
        max_connections: 300
        dynamic_shared_memory_type: mmap
        wal_log_hints: 'on'
        wal_keep_size: 256MB
        wal_sender_timeout: 10s
        wal_receiver_timeout: 10s
        max_wal_size: 256MB
  initdb: [{{encoding: UTF8}}, {{locale: C.UTF-8}}, data-checksums]
  post_bootstrap: {home}/post_bootstrap.sh
postgresql:
  listen: '{ip}:5432'
  connect_address: '{ip}:5432'
  data_dir: {home}/pg/db{number}/data
  bin_dir: {bin}
  pgpass: {home}/pgpass{number}
  create_replica_methods: [basebackup]
  basebackup: {{checkpoint: fast}}
  authentication:
    replication: {{username: replicator, password: {password}}}
    superuser: {{username: postgres, password: {password}}}
    rewind: {{username: rewinder, password: {password}}}
  parameters: {{unix_socket_directories: '{home}/sock/db{number}', password_encryption: scram-sha-256}}
  pg_hba:
    - local all all trust
    - host replication replicator 10.77.0.0/24 scram-sha-256
    - host all all 10.77.0.0/24 scram-sha-256
    - host all all 127.0.0.1/32 scram-sha-256
"""


def wait_until(what: str, condition: Callable[[], object], seconds: float = 120.0) -> float:
    """Wait until a condition holds, and return how many seconds that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.1)
    return time.monotonic() - began


class Cluster:
    """The database. Its data are in `home`, a folder that its user may enter. Call it on the host `client`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._http = httpx.Client(timeout=1.0, trust_env=False)
        self._pool = ThreadPoolExecutor(len(NODES))

    def up(self) -> None:
        """Start everything, and wait for two standbys, of which one is synchronous."""
        for folder in ("etcd", "log", *(f"{kind}/db{number}" for kind in ("sock", "pg") for number in NODES)):
            (self.home / folder).mkdir(parents=True)
        for number in NODES:
            run("mount", "-t", "tmpfs", "-o", f"size={DISK}", "lockstitch-hosts", str(self._disk(number)))
        script = self.home / "post_bootstrap.sh"
        script.write_text(
            f"""#!/bin/sh
psql -v ON_ERROR_STOP=1 "$1" -c "CREATE ROLE lockstitch LOGIN PASSWORD '{PASSWORD}'" \\
    -c "CREATE DATABASE lockstitch OWNER lockstitch"
"""
        )
        script.chmod(0o755)
        hosts = json.dumps([f"{ip}:2379" for ip in NODES.values()])
        for number, ip in NODES.items():
            text = PATRONI.format(number=number, ip=ip, home=self.home, bin=BIN, password=PASSWORD, etcd=hosts)
            (self.home / f"patroni{number}.yml").write_text(text)
        run("chown", "-R", "postgres:postgres", str(self.home))
        self.start_etcd()
        wait_until("etcd", lambda: all(self._answers(f"http://{ip}:2379/health") for ip in NODES.values()))
        self.start(1)
        wait_until("a primary", lambda: self.leader() == 1)
        self.start(2)
        self.start(3)
        self.await_redundancy()

    def await_redundancy(self) -> None:
        """Wait until every node is there, and a standby is synchronous."""
        wait_until("two standbys", lambda: sum(self._is(number, "replica") for number in NODES) == 2)
        wait_until("a synchronous standby", lambda: any(self._is(number, "sync") for number in NODES))

    def start(self, number: int) -> None:
        """Start Patroni on a node, which starts PostgreSQL."""
        self._start(f"patroni{number}", number, "patroni", str(self.home / f"patroni{number}.yml"))

    def primary(self) -> int:
        """Return the node of the primary, which must be there."""
        leader = self.leader()
        assert leader is not None
        return leader

    def standby(self) -> int:
        """Return the node of the synchronous standby. Waits while Patroni chooses another one."""
        chosen: list[int] = []

        def choose() -> bool:
            chosen.extend(number for number in NODES if self._is(number, "sync"))
            return bool(chosen)

        wait_until("a synchronous standby", choose)
        return chosen[0]

    def leader(self) -> int | None:
        """Return the node of the primary, if there is one that can be reached."""
        answers = self._pool.map(lambda number: self._is(number, "primary"), NODES)
        return next((number for number, is_primary in zip(NODES, answers, strict=True) if is_primary), None)

    def kill(self, number: int) -> None:
        """Kill -9 Patroni and PostgreSQL of a node."""
        self._signal(number, signal.SIGKILL)
        self._running.pop(f"patroni{number}").wait()

    def freeze(self, number: int) -> None:
        """Stop the processes of Patroni and PostgreSQL; their kernel goes on to acknowledge what they are sent."""
        self._signal(number, signal.SIGSTOP)

    def thaw(self, number: int) -> None:
        """End `freeze`."""
        self._signal(number, signal.SIGCONT)

    def fill_disk(self, number: int) -> None:
        """Leave no room on the disk of a node, and use up the room that its log has set aside."""
        with (self._disk(number) / "filler").open("ab", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(bytes(2**20))
        use = "SELECT pg_logical_emit_message(false, 'lab', 'used'), pg_switch_wal()"
        run("psql", "-h", str(self.home / f"sock/db{number}"), "-U", "postgres", "-c", use, check=False)

    def free_disk(self, number: int) -> None:
        """End `fill_disk`."""
        (self._disk(number) / "filler").unlink()

    def start_etcd(self) -> None:
        """Start etcd on each node."""
        for number, ip in NODES.items():
            self._start_etcd(number, ip)

    def stop_etcd(self) -> None:
        """Stop etcd on each node."""
        stopped = [self._running.pop(f"etcd{number}") for number in NODES]
        for process in stopped:
            process.terminate()
        for process in stopped:
            process.wait(15)

    def switch_over(self) -> None:
        """Make the synchronous standby the primary."""
        to = self.standby()
        words = ["patronictl", "-c", str(self.home / "patroni1.yml"), "switchover", "--force", "--candidate", f"db{to}"]
        run(*inside("db1", *_as_postgres(*words, "lab")))

    def down(self) -> None:
        """Stop everything, and end what does not stop."""
        for number in NODES:
            with suppress(FileNotFoundError, ProcessLookupError):
                self.thaw(number)
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(15)
            process.kill()
        for number in NODES:
            with suppress(FileNotFoundError, ProcessLookupError):
                self._signal(number, signal.SIGKILL)
        for number in NODES:
            run("umount", "--lazy", str(self._disk(number)), check=False)

    def _disk(self, number: int) -> Path:
        return self.home / f"pg/db{number}"

    def _signal(self, number: int, which: signal.Signals) -> None:
        patroni = self._running.get(f"patroni{number}")
        pids = [] if patroni is None else [patroni.pid, *children_of(patroni.pid)]
        with suppress(FileNotFoundError):
            main = int((self._disk(number) / "data/postmaster.pid").read_text().split()[0])
            pids += [main, *children_of(main)]
        for pid in dict.fromkeys(pids):
            with suppress(ProcessLookupError):
                os.kill(pid, which)

    def _is(self, number: int, role: str) -> bool:
        return self._answers(f"http://{NODES[number]}:8008/{role}")

    def _answers(self, url: str) -> bool:
        try:
            return self._http.get(url).status_code == 200
        except httpx.HTTPError:
            return False

    def _start_etcd(self, number: int, ip: str) -> None:
        peers = ",".join(f"db{other}=http://{address}:2380" for other, address in NODES.items())
        words = ["etcd", "--name", f"db{number}", "--data-dir", str(self.home / f"etcd/db{number}")]
        words += ["--listen-peer-urls", f"http://{ip}:2380", "--initial-advertise-peer-urls", f"http://{ip}:2380"]
        words += ["--listen-client-urls", f"http://{ip}:2379,http://127.0.0.1:2379"]
        words += ["--advertise-client-urls", f"http://{ip}:2379", "--initial-cluster", peers]
        words += ["--initial-cluster-state", "new", "--enable-v2=true"]
        words += ["--heartbeat-interval", "200", "--election-timeout", "2000"]
        self._start(f"etcd{number}", number, *words)

    def _start(self, name: str, number: int, *words: str) -> None:
        environment = {"PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.home)}
        with (self.home / f"log/{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                inside(f"db{number}", *_as_postgres(*words)),
                env=environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def _as_postgres(*words: str) -> list[str]:
    return ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups", *words]
