"""The demo's cluster: four roots and one shared file system in a directory, a real daemon on each root.

No daemon outlives it, whatever becomes of the demo.  The daemons are one process group; its leader, the
guard, reads a pipe that only the demo can write to.  When the demo ends, also by kill -9, the kernel
closes the pipe, and the guard kills the group.
"""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from ipaddress import IPv4Address
from typing import NamedTuple, Self, TypeVar

from isi_net.errors import Error
from isi_net.flexnet import published
from isi_net.store.tree import Tree

T = TypeVar("T")

NODES = 4
PATIENCE_SECONDS = 10.0

_PROGRAM = (sys.executable, "-m", "isi_net")
_GUARD = ("/bin/sh", "-c", "read -r nothing; kill -KILL 0")
_TAKING = "Taking ownership of the IPMerger role"
_SETTINGS = """\
[node]
devid = {devid}
lnn = {devid}
name = "GLaDOS-{devid}"

[dhcp]
manager = "AWS"

[daemon]
poll_interval = 0.2
"""


class Member(NamedTuple):
    """A node of the cluster, with the daemon that was started on it."""

    devid: int
    tree: Tree
    daemon: subprocess.Popen[bytes]


class Taking(NamedTuple):
    """Who took the role, when (seconds since the epoch), and the line of its log that says so."""

    at: float
    devid: int
    line: str


class Cluster:
    """Four nodes; leaving its `with` ends every daemon that still runs."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self.tree = self._tree_of(1)
        self.members: dict[int, Member] = {}

    def _tree_of(self, devid: int) -> Tree:
        return Tree(os.path.join(self._directory, f"node{devid}"), os.path.join(self._directory, "ifs"))

    def __enter__(self) -> Self:
        self._guard = subprocess.Popen(_GUARD, stdin=subprocess.PIPE, process_group=0)  # noqa: S603 - ours
        return self

    def __exit__(self, *_: object) -> None:
        self._guard.communicate()  # closes the pipe, and waits
        for member in self.members.values():
            member.daemon.wait()

    def start(self) -> None:
        """Makes the nodes and starts their daemons; what a daemon says on stderr goes to its log as well."""
        os.mkdir(self.tree.ifs)
        for devid in range(1, NODES + 1):
            tree = self._tree_of(devid)
            for path in (os.path.dirname(tree.settings), os.path.dirname(tree.log), tree.leases):
                os.makedirs(path)
            with open(tree.settings, "w", encoding="ascii") as settings:
                settings.write(_SETTINGS.format(devid=devid))
            with open(tree.log, "ab") as log:
                daemon = subprocess.Popen(  # noqa: S603 - this program
                    [*_PROGRAM, "--root", tree.root, "--ifs", tree.ifs, "daemon"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    process_group=self._guard.pid,
                )
            self.members[devid] = Member(devid, tree, daemon)

    def kill(self, devid: int) -> float:
        """Kills a node's daemon; gives back when, in seconds since the epoch."""
        daemon = self.members.pop(devid).daemon
        killed = time.time()
        daemon.kill()
        daemon.wait()
        return killed

    def stop(self) -> None:
        """Ends every daemon with SIGTERM.  Raises Error unless each ends soon, with exit status 0."""
        for member in self.members.values():
            member.daemon.terminate()
        daemons = [member.daemon for member in self.members.values()]
        self.eventually(lambda: all(one.poll() == 0 for one in daemons), "SIGTERM ends every daemon")

    def eventually(self, ask: Callable[[], T | None], what: str) -> T:
        """Asks until there is an answer, and gives it back; Error when none comes soon, or a daemon died."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not (answer := ask()):
            if dead := [f"node{one.devid}" for one in self.members.values() if one.daemon.poll()]:
                raise Error(f"the daemon of {', '.join(dead)} ended")
            if time.monotonic() > until:
                raise Error(f"not within {PATIENCE_SECONDS:g} s: {what}")
            time.sleep(0.005)
        return answer

    def taking(self, after: float) -> Taking | None:
        """The first taking of the role `after` then (seconds since the epoch) that a running node logged."""
        return min((one for one in self._takings() if one.at > after), default=None)

    def _takings(self) -> Iterator[Taking]:
        for devid, member in self.members.items():
            with open(member.tree.log, encoding="utf-8") as log:
                for line in log:
                    if _TAKING in line:
                        at = datetime.fromisoformat(line.split()[0])
                        yield Taking(at.timestamp(), devid, line.rstrip("\n"))

    def addresses(self) -> dict[IPv4Address, tuple[int, str]]:
        """The published addresses, each with the interface (devid and name) that holds it."""
        pools = published.load(self.tree).pools()
        return {one.address: one.place for _, pool in pools for one in pool.assignments}

    def environment(self) -> dict[str, str]:
        """What has every command look at this cluster, as its first node."""
        return {"ISI_NET_ROOT": self.tree.root, "ISI_NET_IFS": self.tree.ifs}

    def isi_net(self, *words: str) -> str:
        """What a person sees who runs `isi_net` with these words; Error when it fails."""
        command = f"isi_net {shlex.join(words)}"
        try:
            output = subprocess.check_output(  # noqa: S603 - this program
                [*_PROGRAM, *words],
                env=os.environ | self.environment(),
                stderr=subprocess.STDOUT,
                text=True,
                timeout=PATIENCE_SECONDS,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise Error(f"`{command}` failed, and said {error.output!r}") from error
        return f"$ {command}\n{output}"
