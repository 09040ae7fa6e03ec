"""Real daemons for the benches: any number of nodes on this machine, and what they cost.

No daemon outlives its bench, whatever becomes of that: they are one process group, whose leader kills it
when the pipe to the bench closes.
"""

import os
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Self, TypeVar

from installed import Installed

from isi_net.demo.cloud import block
from isi_net.store.tree import Tree

T = TypeVar("T")

GUARD = ("/bin/sh", "-c", "read -r nothing; kill -KILL 0")
TAKING = "Taking ownership of the IPMerger role"
IN_LINE = "standing in line"
PATIENCE_SECONDS = 60.0


def eventually(ask: Callable[[], T | None], what: str, every: float = 0.0005) -> T:
    """Asks until there is an answer, and gives it back."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not (answer := ask()):
        assert time.monotonic() < until, f"not within {PATIENCE_SECONDS:g} s: {what}"
        time.sleep(every)
    return answer


class Processes:
    """The processes of one bench; leaving its `with` ends them all."""

    def __init__(self) -> None:
        self._all: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self._guard = subprocess.Popen(GUARD, stdin=subprocess.PIPE, process_group=0)
        return self

    def __exit__(self, *_: object) -> None:
        self._guard.communicate()
        for one in self._all:
            one.wait()

    def start(self, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        started = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, process_group=self._guard.pid, cwd="/"
        )
        self._all.append(started)
        return started


class Node:
    """One root, and its daemon."""

    def __init__(self, directory: Path, devid: int, poll_interval: float = 1.0) -> None:
        self.devid = devid
        self.tree = Tree(str(directory / f"node{devid}"), str(directory / "ifs"))
        self.process: subprocess.Popen[bytes] | None = None
        for path in (self.tree.leases, os.path.dirname(self.tree.settings), os.path.dirname(self.tree.log)):
            os.makedirs(path)
        Path(self.tree.settings).write_text(
            f'[node]\ndevid = {devid}\nname = "GLaDOS-{devid}"\n[dhcp]\nmanager = "AWS"\n'
            f"[daemon]\npoll_interval = {poll_interval}\n"
        )
        Path(self.tree.log).touch()
        self.lease(IPv4Address("10.20.30.1") + devid)

    def lease(self, address: IPv4Address) -> None:
        """The lease file rewritten: it says `address`, in a /16, and nothing else."""
        text = block("ext-1", address, time.time()).replace("255.255.255.0", "255.255.0.0")
        Path(self.tree.lease("ext-1")).write_text(text, encoding="ascii")

    def start(self, processes: Processes, program: Installed, *through: str) -> None:
        """Starts the daemon, `through` another program than isi_net's script if need be."""
        command = [*(through or (program.isi_net,)), "--root", self.tree.root, "--ifs", self.tree.ifs]
        self.process = processes.start([*command, "daemon"], program.environment)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def said(self) -> list[str]:
        """The lines of this daemon's log."""
        text = Path(self.tree.log).read_text(encoding="utf-8")
        return [line for line in text.splitlines() if f"[{self.pid}]: " in line]

    @property
    def has_the_role(self) -> bool:
        return any(TAKING in line for line in self.said)

    @property
    def is_settled(self) -> bool:
        """Whether it has the role, or a thread of it waits for that."""
        waits = any(IN_LINE in line for line in self.said) and len(os.listdir(f"/proc/{self.pid}/task")) > 1
        return waits or self.has_the_role

    def kill(self) -> float:
        """Gives back when, in seconds since the epoch."""
        assert self.process is not None
        when = time.time()
        self.process.kill()
        self.process.wait()
        return when

    def cpu_seconds(self) -> float:
        """The CPU time of all its threads since it started, as the scheduler counts it (proc(5))."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def resident_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE")


def when(line: str) -> float:
    """When a line of the log was written, in seconds since the epoch."""
    return datetime.fromisoformat(line.split(maxsplit=1)[0]).timestamp()
