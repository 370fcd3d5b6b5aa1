"""Build the image without Docker: the steps of the Dockerfile, each in the root of a Debian that has Python.

It knows the instructions that the Dockerfile uses, and refuses others. A root of chroot is less than a container: the
network and the limits are those of this machine.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.deploy.files import ROOT, build_context, steps

ONLY_DESCRIBED = ("EXPOSE", "ENTRYPOINT", "CMD")


class Image:
    """The last stage, built below `folder` from a copy of the root `base` for each stage."""

    def __init__(self, folder: Path, base: Path, **arguments: str) -> None:
        self._base = base
        self._folder = folder
        self._stages: dict[str, Path] = {}
        self.arguments = arguments
        self.root = folder
        self.environment: dict[str, str] = {}
        self.user = "0:0"
        self._place = "/"
        for instruction, value in steps():
            self._carry_out(instruction, value)

    def run(
        self, *command: str, environment: Mapping[str, str] | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as the image's user; where nothing may be written but /tmp."""
        return _in_root(self.root, command, self.user, {**self.environment, **(environment or {})}, check=check)

    def _carry_out(self, instruction: str, value: str) -> None:
        match instruction:
            case "FROM":
                self.root = self._folder / f"stage-{len(self._stages)}"
                subprocess.run(["cp", "--archive", "--reflink=auto", self._base, self.root], check=True)
                self._stages[value.partition(" AS ")[2]] = self.root
                self.environment, self.user, self._place = (
                    {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                    "0:0",
                    "/",
                )
            case "ARG":
                name, _, default = value.partition("=")
                self.environment[name] = self.arguments.get(name, default.strip('"'))
            case "ENV":
                self.environment |= dict(one.split("=", 1) for one in shlex.split(value))
            case "WORKDIR":
                self._place = value
                (self.root / value.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "USER":
                self.user = value
            case "COPY":
                self._copy(value.split())
            case "RUN":
                step = f"cd {shlex.quote(self._place)} && {value}"
                _in_root(self.root, ("sh", "-ec", step), self.user, self.environment)
            case _ if instruction not in ONLY_DESCRIBED:
                raise NotImplementedError(instruction)

    def _copy(self, words: list[str]) -> None:
        source = ROOT
        if words[0].startswith("--from="):
            source = self._stages[words.pop(0).removeprefix("--from=")]
        *names, target = words
        into = self.root / self._place.lstrip("/") / target.lstrip("/") if target[0] != "/" else self.root / target[1:]
        for name in names:
            assert source != ROOT or name in build_context(), f".dockerignore leaves out {name}"
            original = source / name.lstrip("/")
            if original.is_dir():
                shutil.copytree(original, into, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(original, into / original.name)


def _in_root(
    root: Path, command: tuple[str, ...], user: str, environment: Mapping[str, str], *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command in a root with its own /proc. Only the user 0 writes there: the others see it read-only."""
    lines = [f"mount --bind {root} {root}", f"mount -t proc proc {root}/proc"]
    if user != "0:0":
        lines.append(f"mount -o remount,bind,ro {root} && mount -t tmpfs tmpfs {root}/tmp")  # noqa: S108
    else:
        lines.append(f"cp --dereference /etc/resolv.conf {root}/etc/resolv.conf")
        lines.append(f"mount --bind /etc/ssl/certs {root}/etc/ssl/certs")
    inner = shlex.join(["/usr/sbin/chroot", f"--userspec={user}", str(root), *command])
    done = subprocess.run(
        ["unshare", "--mount", "--", "sh", "-ec", " && ".join([*lines, f"exec {inner}"])],
        env={**_of_pip(), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, f"{command}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done


def _of_pip() -> dict[str, str]:
    """Return the settings of pip in the environment: another package index, its certificate or a proxy."""
    return {name: value for name, value in os.environ.items() if name in ("PIP_CERT", "PIP_INDEX_URL", "PIP_PROXY")}
