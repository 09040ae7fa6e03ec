"""Hosts on one machine that share a real cluster file system: GlusterFS (replica 3) or MooseFS, over FUSE.

A host is a set of namespaces (network, mounts, host name, processes) with a cable to a switch that is one
too.  Its first process reads a pipe that only the test holds: when the test ends, also by kill -9, the pipe
closes, and the kernel takes the whole host away: its processes, mounts and links.  Nothing else of this
machine is touched but the directory that the test gives.

    h1 10.99.0.1 ──┐
    h2 10.99.0.2 ──┼── switch: br0        `switch.ip("link", "set", "h1", "down")` is a pulled cable
    h3 10.99.0.3 ──┘
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, ClassVar, Self
from xml.etree import ElementTree

from cloud import RigError, run
from patience import eventually

from isi_net.demo.cloud import block

HOUSE = Path(__file__).parents[2]

HOST_PACKAGES = {"ip": "iproute2", "unshare": "util-linux", "nsenter": "util-linux"}

# What isi_net-cluster(7) recommends: a lost host is given up after 5 s.  Caching is left as it comes.
GLUSTER_OPTIONS = {
    "network.ping-timeout": "5",
    "server.tcp-user-timeout": "5",
    "client.tcp-user-timeout": "5",
    "server.keepalive-time": "3",
    "server.keepalive-interval": "1",
    "server.keepalive-count": "3",
}
MOOSEFS_SUSTAIN_SECONDS = 60  # the least that mfsmaster takes; its default is a day

TAKING = "Taking ownership of the IPMerger role"


class Program:
    """A program on a host, by the number that it has on this machine."""

    def __init__(self, entered: subprocess.Popen[bytes]) -> None:
        """`entered` is the nsenter(1) whose child it is."""
        self._entered = entered
        self.pid = _child_of(entered)

    def running(self) -> bool:
        return self._entered.poll() is None

    def kill(self, number: int = signal.SIGKILL) -> float:
        """Sends it a signal; gives back when, in seconds since the epoch."""
        when = time.time()
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)
        return when

    def wait(self, within: float) -> int:
        """Its exit status."""
        return self._entered.wait(timeout=within)


def _child_of(parent: subprocess.Popen[bytes]) -> int:
    """The number of a program's only child; 0 when it has ended already."""

    def child() -> str:
        if parent.poll() is not None:
            return "0"
        with suppress(FileNotFoundError, ProcessLookupError):
            return Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().strip()
        return ""

    return int(eventually(child, "its child runs").split()[0])


class Host:
    """One host.  What runs on it ends with it."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.directory = directory
        self._entered: list[subprocess.Popen[bytes] | subprocess.Popen[str]] = []
        directory.mkdir()

    def __enter__(self) -> Self:
        """Starts with nothing but a loopback interface; /run is its own."""
        unshared = ["unshare", "--mount", "--net", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
        setup = (
            f"hostname {self.name} && mount -t tmpfs run /run && ip link set lo up && echo up && read -r x"
        )
        self._first = subprocess.Popen(
            [*unshared, "--", "/bin/sh", "-c", setup], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._first.stdout is not None
        if self._first.stdout.readline() != b"up\n":
            raise RigError(f"{self.name} did not come up")
        self.pid = _child_of(self._first)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._first.stdin is not None
        assert self._first.stdout is not None
        self._first.stdin.close()
        try:
            self._first.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.kill(self.pid, signal.SIGKILL)
            self._first.wait(timeout=30)
        self._first.stdout.close()
        for program in self._entered:
            program.wait(timeout=10)
            for pipe in (program.stdin, program.stdout, program.stderr):
                if pipe is not None:
                    pipe.close()

    def _inside(self, command: Sequence[str]) -> list[str]:
        entered = ["nsenter", f"--target={self.pid}", "--mount", "--net", "--uts", "--pid", "--"]
        return [*entered, *command]

    def run(self, *command: str) -> str:
        """Runs a command that has to succeed."""
        return run(*self._inside(command))

    def succeeds(self, *command: str) -> bool:
        return subprocess.run(self._inside(command), capture_output=True, check=False).returncode == 0

    def start(self, *command: str) -> Program:
        """Starts a program that stays in the foreground; what it says goes to a log of its name."""
        with (self.directory / f"{Path(command[0]).name}.log").open("ab") as log:
            entered = subprocess.Popen(
                self._inside(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment()
            )
        self._entered.append(entered)
        return Program(entered)

    def popen(self, *command: str) -> subprocess.Popen[str]:
        """Starts a program to talk with, a line at a time."""
        entered = subprocess.Popen(
            self._inside(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=_environment(),
        )
        self._entered.append(entered)
        return entered

    def seen(self, path: Path) -> Path:
        """The file at `path` as this host sees it, for a test that stands outside."""
        return Path(f"/proc/{self.pid}/root") / path.relative_to("/")


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(HOUSE)}


class Network:
    """A switch, and hosts that are plugged into it."""

    def __init__(self, directory: Path, names: Sequence[str]) -> None:
        """`names` are the hosts'; what they share will be at `ifs` on each."""
        self.directory = directory
        self.ifs = directory / "ifs"
        self._names = names
        self._stack = ExitStack()
        self.hosts: list[Host] = []
        self.address: dict[str, str] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:  # takes everything down again if building it fails
            self.switch = stack.enter_context(Host("switch", self.directory / "switch"))
            self.switch.run("ip", "link", "add", "br0", "type", "bridge")
            self.switch.run("ip", "link", "set", "br0", "up")
            for number, name in enumerate(self._names, start=1):
                host = stack.enter_context(Host(name, self.directory / name))
                self.hosts.append(host)
                self.address[name] = f"10.99.0.{number}"
                self._plug(host, self.address[name])
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _plug(self, host: Host, address: str) -> None:
        peer = ["peer", "name", "eth0", "netns", str(host.pid)]
        # The number is the host's in the switch's /proc only if it is told from outside.
        run("nsenter", f"--target={self.switch.pid}", "--net", "--", "ip", "link", "add", host.name,
            "type", "veth", *peer)  # fmt: skip
        self.switch.run("ip", "link", "set", host.name, "master", "br0", "up")
        host.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
        host.run("ip", "link", "set", "eth0", "up")

    def cut(self, host: Host) -> float:
        """Pulls the host's cable; gives back when, in seconds since the epoch."""
        self.switch.run("ip", "link", "set", host.name, "down")
        return time.time()

    def plug_in(self, host: Host) -> float:
        """Puts the cable back; gives back when, in seconds since the epoch."""
        self.switch.run("ip", "link", "set", host.name, "up")
        return time.time()

    def logs(self) -> str:
        """The end of every log, for a person who looks for what went wrong."""
        files = sorted(self.directory.glob("*/*.log")) + sorted(
            self.directory.glob("*/root/var/log/isi_smartconnect")
        )
        return "\n".join(
            f"==> {file.relative_to(self.directory)} <==\n"
            + "\n".join(file.read_text(errors="replace").splitlines()[-40:])
            for file in files
        )


class Gluster(Network):
    """GlusterFS: a brick on each of three hosts, replica 3, the volume mounted at the same path on each."""

    packages: ClassVar = {"glusterd": "glusterfs-server", "glusterfs": "glusterfs-client"}

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, ("h1", "h2", "h3"))

    def __enter__(self) -> Self:
        super().__enter__()
        with ExitStack() as stack:
            stack.push(super().__exit__)
            self.ifs.mkdir()
            for host in self.hosts:
                for kind, path in (("lib", "/var/lib/glusterd"), ("log", "/var/log/glusterfs")):
                    (host.directory / kind).mkdir()
                    host.run("mount", "--bind", str(host.directory / kind), path)
                host.run("mkdir", "/run/gluster")
                (host.directory / "brick").mkdir()
                host.start("glusterd", "--no-daemon", "--log-level=WARNING")
            first = self.hosts[0]
            for host in self.hosts:
                eventually(partial(host.succeeds, "gluster", "pool", "list"), "glusterd answers")
            for host in self.hosts[1:]:
                first.run("gluster", "--mode=script", "peer", "probe", self.address[host.name])
            eventually(self._peers, "every peer is connected", is_so=lambda peers: peers == len(self.hosts))
            bricks = [f"{self.address[host.name]}:{host.directory}/brick" for host in self.hosts]
            volume = ("gluster", "--mode=script", "volume")
            first.run(*volume, "create", "ifs", "replica", str(len(self.hosts)), *bricks, "force")
            first.run(*volume, "set", "ifs", *(word for one in GLUSTER_OPTIONS.items() for word in one))
            first.run(*volume, "start", "ifs")
            for host in self.hosts:
                address = self.address[host.name]
                host.start(
                    "glusterfs", "--no-daemon", f"--volfile-server={address}", "--volfile-id=ifs",
                    str(self.ifs),
                )  # fmt: skip
            for host in self.hosts:
                wait_for_mount(host, self.ifs)
            stack.pop_all()
        return self

    def _peers(self) -> int:
        listed = ElementTree.fromstring(self.hosts[0].run("gluster", "--xml", "pool", "list"))
        return sum(one.text == "1" for one in listed.iter("connected"))


class MooseFS(Network):
    """MooseFS: a master and a chunk server on a host of their own, mounted on three others."""

    packages: ClassVar = {
        "mfsmaster": "moosefs-master",
        "mfschunkserver": "moosefs-chunkserver",
        "mfsmount": "moosefs-client",
    }

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, ("h1", "h2", "h3", "store"))

    def __enter__(self) -> Self:
        super().__enter__()
        with ExitStack() as stack:
            stack.push(super().__exit__)
            self.ifs.mkdir()
            store = self.hosts.pop()
            address = self.address[store.name]
            for name in ("etc", "master", "chunks", "disk"):
                (store.directory / name).mkdir()
            etc = store.directory / "etc"
            (store.directory / "master/metadata.mfs").write_bytes(b"MFSM NEW")
            user = "WORKING_USER = root\nWORKING_GROUP = root\n"
            (etc / "mfsexports.cfg").write_text("* / rw,alldirs,admin,maproot=0:0\n")
            (etc / "mfsmaster.cfg").write_text(
                f"{user}DATA_PATH = {store.directory}/master\nEXPORTS_FILENAME = {etc}/mfsexports.cfg\n"
                f"TOPOLOGY_FILENAME = {etc}/none\nSESSION_SUSTAIN_TIME = {MOOSEFS_SUSTAIN_SECONDS}\n"
                "REPLICATIONS_DELAY_INIT = 0\nNICE_LEVEL = 0\n"
            )
            (etc / "mfshdd.cfg").write_text(f"{store.directory}/disk\n")
            (etc / "mfschunkserver.cfg").write_text(
                f"{user}DATA_PATH = {store.directory}/chunks\nHDD_CONF_FILENAME = {etc}/mfshdd.cfg\n"
                f"MASTER_HOST = {address}\nBIND_HOST = {address}\nHDD_LEAVE_SPACE_DEFAULT = 16MiB\n"
                "MASTER_RECONNECTION_DELAY = 1\nNICE_LEVEL = 0\n"
            )
            store.start("mfsmaster", "-f", "-c", f"{etc}/mfsmaster.cfg", "start")
            eventually(lambda: store.succeeds("bash", "-c", f": < /dev/tcp/{address}/9420"), "mfsmaster")
            store.start("mfschunkserver", "-f", "-c", f"{etc}/mfschunkserver.cfg", "start")
            for host in self.hosts:
                host.start("mfsmount", "-f", "-H", address, str(self.ifs))
            for host in self.hosts:
                wait_for_mount(host, self.ifs)
            probe = self.hosts[0].seen(self.ifs / "probe")
            eventually(lambda: _can_write(probe), "the chunk server takes data")
            probe.unlink()
            stack.pop_all()
        return self


def wait_for_mount(host: Host, path: Path) -> None:
    eventually(lambda: host.succeeds("mountpoint", "-q", str(path)), f"{path} is mounted on {host.name}")


def _can_write(path: Path) -> bool:
    try:
        path.write_bytes(b"probe")
    except OSError:
        return False
    return True


class Node:
    """A node of the cluster on a host: a root directory of its own, a lease, and `isi_net`."""

    def __init__(self, host: Host, devid: int, ifs: Path) -> None:
        self.host, self.devid, self.ifs = host, devid, ifs
        self.name = f"GLaDOS-{devid}"
        self.root = host.directory / "root"
        for folder in ("etc", "var/db/dhclient", "var/log", "var/run"):
            (self.root / folder).mkdir(parents=True)
        (self.root / "etc/isi_net.toml").write_text(
            f'[node]\ndevid = {devid}\nlnn = {devid}\nname = "{self.name}"\n'
            '[interfaces]\next-1 = "eth0"\n[dhcp]\nmanager = "AWS"\nclient = "none"\n'
        )
        self.daemon: Program | None = None

    def lease(self, address: str) -> None:
        """What dhclient leaves on the disk when the cloud gives the node an address."""
        text = block("ext-1", IPv4Address(address), time.time())
        (self.root / "var/db/dhclient/dhclient.leases.ext-1").write_text(text)

    def _isi_net(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "isi_net", "--root", str(self.root), "--ifs", str(self.ifs), *arguments]

    def start_daemon(self) -> Program:
        self.daemon = self.host.start(*self._isi_net("daemon"))
        return self.daemon

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        return self.host.popen(*self._isi_net(*arguments))

    def isi_net(self, *arguments: str, within: float = 60) -> subprocess.CompletedProcess[str]:
        """Runs one `isi_net` command on this node."""
        command = self.popen(*arguments)
        out, err = command.communicate(timeout=within)
        return subprocess.CompletedProcess(arguments, command.returncode, out, err)

    def ask(self, *arguments: str) -> Any:
        """What a command that has to succeed answers as JSON."""
        done = self.isi_net(*arguments, "--format", "json")
        assert done.returncode == 0, f"isi_net {' '.join(arguments)} on {self.name}: {done}"
        return json.loads(done.stdout)

    def log(self) -> str:
        file = self.root / "var/log/isi_smartconnect"
        return file.read_text() if file.exists() else ""

    def takings(self) -> list[float]:
        """When this node took the role, in seconds since the epoch."""
        lines = [line for line in self.log().splitlines() if TAKING in line]
        return [datetime.fromisoformat(line.split()[0]).timestamp() for line in lines]


def pool_addresses(node: Node) -> list[str]:
    """The published addresses of the pool that the merger makes."""
    listed = node.ask("pools", "list")
    return sorted(one["low"] for pool in listed for one in pool["ranges"])


def published(node: Node) -> Iterator[tuple[int, int, str]]:
    """Every revision that is kept, as this node's host sees it: its number, its term and its author."""
    revisions = node.host.seen(node.ifs / ".ifsvar/modules/flexnet/revisions")
    found = {int(match[1]): path for path in revisions.iterdir()
             if (match := re.fullmatch(r"flx_config\.(\d+)\.xml", path.name))}  # fmt: skip
    for number, path in sorted(found.items()):
        top = ElementTree.fromstring(path.read_bytes())
        assert int(top.attrib["revision"]) == number
        yield number, int(top.attrib["term"]), top.attrib["author"]
