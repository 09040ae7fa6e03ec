"""Real daemons, real signals and real locks, several nodes on one machine; no namespaces, no DHCP server."""

import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from children import Child
from daemons import ENVIRONMENT, command, start_daemon
from needs import missing, need
from patience import PATIENCE_SECONDS, eventually

from isi_net.demo.cloud import block
from isi_net.formats import tenure
from isi_net.model.tenure import Tenure
from isi_net.store.tree import Tree

POLL = 0.05  # as good as at once
NEVER = 60.0  # whatever happens within seconds was no polling
TAKING = "Taking ownership of the IPMerger role"
# A user who is nobody else, and not the one of another run beside this one either: the kernel counts inotify
# instances by user.  Debian's policy keeps these numbers free (section 9.2.2).
NOBODY = 65_000 + os.getpid() % 534
# As that user, who may read everything (this Python may lie in somebody's home) and write nothing of root's.
AS_NOBODY = (
    *("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"),
    *("--inh-caps", "-all,+dac_read_search", "--ambient-caps", "+dac_read_search"),
)


class Node:
    """One root of a cluster on this machine, and its daemon."""

    def __init__(self, directory: Path, devid: int) -> None:
        self.devid, self.address = devid, f"10.20.30.{10 + devid}"
        self.tree = Tree(str(directory / f"node{devid}"), str(directory / "ifs"))
        self.daemon: Child | None = None
        for path in (self.tree.leases, os.path.dirname(self.tree.settings), os.path.dirname(self.tree.log)):
            os.makedirs(path)
        self.settings(poll_interval=POLL)
        self.lease(self.address)

    def settings(self, name: str = "", **daemon: float) -> None:
        lines = [f"{key} = {value}" for key, value in daemon.items()]
        Path(self.tree.settings).write_text(
            f'[node]\ndevid = {self.devid}\nname = "{name or f"GLaDOS-{self.devid}"}"\n'
            '[dhcp]\nmanager = "AWS"\n[daemon]\n' + "\n".join(lines) + "\n"
        )

    def lease(self, address: str) -> None:
        with open(self.tree.lease("ext-1"), "a", encoding="ascii") as leases:
            leases.write(block("ext-1", IPv4Address(address), time.time()))

    def start(self, *through: str) -> "Node":
        """Starts the daemon, `through` another program if need be; its stderr lies beside the root."""
        with open(f"{self.tree.root}.stderr", "wb") as stderr:
            self.daemon = start_daemon(self.tree, *through, stderr=stderr)
        return self

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(self.tree, *words),
            env=ENVIRONMENT,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    @property
    def pid(self) -> int:
        assert self.daemon is not None
        return self.daemon.pid

    @property
    def log(self) -> str:
        return Path(self.tree.log).read_text() if os.path.isfile(self.tree.log) else ""

    @property
    def stderr(self) -> str:
        return Path(f"{self.tree.root}.stderr").read_text()

    @property
    def takings(self) -> int:
        return self.log.count(f"[{self.pid}]: {TAKING}")

    def signal(self, number: int) -> None:
        assert self.daemon is not None
        self.daemon.send_signal(number)

    def ended(self) -> int:
        """The exit status of the daemon, which ends soon."""
        assert self.daemon is not None
        return self.daemon.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.ended()

    def takes_the_role(self, times: int = 1) -> "Node":
        eventually(lambda: self.takings >= times, f"node {self.devid} takes the role")
        return self

    def stands_in_line(self) -> "Node":
        eventually(lambda: "standing in line" in self.log, f"node {self.devid} stands in line")
        # The thread is in flock(2) now; nothing on the disk says so.
        eventually(lambda: len(os.listdir(f"/proc/{self.pid}/task")) > 1, "a thread waits")
        return self


class Cluster:
    """Nodes that share one file system."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.nodes: list[Node] = []

    def node(self) -> Node:
        self.nodes.append(Node(self.directory, len(self.nodes) + 1))
        return self.nodes[-1]

    @property
    def tree(self) -> Tree:
        return self.nodes[0].tree

    def addresses(self) -> list[str]:
        """The leased addresses, as published beside the configuration."""
        pools = [json.loads(path.read_text()) for path in Path(self.tree.pool_members).glob("groupnet.*")]
        return sorted(str(one["address"]) for pool in pools for one in pool["members"])

    def another_turn(self, term: int) -> None:
        """Waits until the holder of `term` has ended a turn."""
        last = os.stat(self.tree.tenure(term)).st_mtime_ns
        eventually(lambda: os.stat(self.tree.tenure(term)).st_mtime_ns > last, "another turn")

    def has(self, *nodes: Node) -> None:
        wanted = sorted(node.address for node in nodes)
        eventually(lambda: self.addresses() == wanted, f"{wanted} are published")

    def tenures(self) -> list[Tenure]:
        found = sorted(Path(self.tree.tenures).glob("[0-9]*.json"), key=lambda path: int(path.stem))
        return [tenure.parse(path.read_bytes()) for path in found]

    def status(self) -> dict[str, Any]:
        said = json.loads(self.nodes[0].run("merger", "status", "--format", "json").stdout)
        assert isinstance(said, dict)
        return said

    def end(self) -> None:
        """Kills whatever runs of it; pytest shows the logs of a test that failed."""
        for node in self.nodes:
            if node.daemon is not None:
                node.kill()
                print(f"--- node {node.devid}, pid {node.pid}\n{node.log}\n{node.stderr}")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """An empty cluster."""
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.end()


@pytest.fixture
def nobodys() -> Iterator[Cluster]:
    """A cluster of one node, all of which belongs to another user than root."""
    need(missing({"setpriv": "util-linux"}, root_for="becoming another user"))
    trial = subprocess.run([*AS_NOBODY, "true"], capture_output=True, text=True, check=False)
    need([f"what `{shlex.join(AS_NOBODY)}` needs ({trial.stderr.strip()})"] if trial.returncode else [])
    directory = Path(tempfile.mkdtemp(prefix="isi_net-"))
    cluster = Cluster(directory)
    cluster.node()
    for path in (directory, *directory.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    yield cluster
    cluster.end()
    shutil.rmtree(directory)


# The role in the log


def test_the_log_says_who_took_the_role_and_when(cluster: Cluster) -> None:
    """In the shape of OneFS's log, once for each taking, in the holder's log only."""
    first = cluster.node().start().takes_the_role()
    second = cluster.node().start().stands_in_line()
    cluster.has(first, second)
    [line] = [line for line in first.log.splitlines() if TAKING in line]
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 <3\.6> GLaDOS-1\(id1\) "
        rf"isi_smartconnect_d\[{first.pid}\]: Taking ownership of the IPMerger role",
        line,
    )
    assert second.takings == 0
    assert Path(cluster.tree.merger_lock).read_text() == "1\n"


def test_an_idle_daemon_says_nothing(cluster: Cluster) -> None:
    """A finding that lasts is logged once, and once more when it is gone; sentences are not repeated."""
    node = cluster.node()
    node.lease("10.20.30.255")
    node.start()
    eventually(lambda: "[address_not_a_host]" in node.log, "a finding is logged")
    eventually(lambda: "IPMerger: revision" in node.log, "the first turn ends")
    said = node.log
    for _ in range(5):
        cluster.another_turn(1)
    assert node.log == said

    node.lease(node.address)
    eventually(lambda: ": no more: " in node.log, "the finding is gone")
    cluster.has(node)
    assert node.log.count("no more") == 1


# Signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_holder_told_to_stop_gives_the_role_to_who_waits(cluster: Cluster, number: int) -> None:
    """At once and in order, in the middle of a long rest; the waiting daemon needs no poll to notice."""
    first, second = cluster.node(), cluster.node()
    first.settings(poll_interval=NEVER)
    second.settings(poll_interval=NEVER)
    first.start().takes_the_role()
    second.start().stands_in_line()
    told = time.time()
    first.signal(number)
    assert first.ended() == 0
    stopped = time.time()
    second.takes_the_role()
    before, now = cluster.tenures()
    assert (before.devid, before.ended, before.term) == (1, "released", 1)
    assert (now.devid, now.ended, now.term) == (2, "", 2)
    assert before.until is not None
    print(f"stopped in {stopped - told:.3f} s, taken {(now.since - before.until) * 1000:.1f} ms later")
    assert first.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_daemon_that_stands_in_line_stops_when_told(cluster: Cluster, number: int) -> None:
    first, second = cluster.node(), cluster.node()
    second.settings(poll_interval=NEVER)
    first.start().takes_the_role()
    second.start().stands_in_line().signal(number)
    assert second.ended() == 0
    assert second.stderr == ""
    assert [one.ended for one in cluster.tenures()] == [""]


@pytest.mark.slow
def test_a_turn_is_ended_before_the_daemon_stops(cluster: Cluster) -> None:
    """An empty report is waited for, which makes a turn long; SIGTERM meanwhile loses nothing of it."""
    node = cluster.node().start().takes_the_role()
    cluster.has(node)
    Path(cluster.tree.report(9)).touch()
    time.sleep(0.2)
    node.signal(signal.SIGTERM)
    assert node.ended() == 0
    assert "node 9" in node.log
    assert [one.ended for one in cluster.tenures()] == ["released"]


def test_logrotate_moves_the_log(cluster: Cluster) -> None:
    """After SIGHUP the lines go to a new file; the role is kept when the settings are what they were."""
    node = cluster.node().start().takes_the_role()
    cluster.has(node)
    os.rename(node.tree.log, f"{node.tree.log}.1")
    node.signal(signal.SIGHUP)
    eventually(lambda: "settings read again" in node.log, "the daemon has a new log")
    assert "settings read again" not in Path(f"{node.tree.log}.1").read_text()
    assert node.takings == 0
    assert [(one.term, one.ended) for one in cluster.tenures()] == [(1, "")]


def test_new_settings_take_effect_on_sighup(cluster: Cluster) -> None:
    node = cluster.node()
    node.settings(poll_interval=NEVER)
    node.start().takes_the_role()
    node.settings(name="Wheatley", poll_interval=POLL)
    node.signal(signal.SIGHUP)
    eventually(lambda: f" Wheatley(id1) isi_smartconnect_d[{node.pid}]: {TAKING}" in node.log, "a new name")
    cluster.another_turn(2)  # it polls as it is told now
    assert json.loads(Path(cluster.tree.report(1)).read_text())["node"] == "Wheatley"
    assert [one.ended for one in cluster.tenures()] == ["released", ""]
    node.signal(signal.SIGTERM)
    assert node.ended() == 0
    assert node.stderr == ""


def test_broken_settings_change_nothing(cluster: Cluster) -> None:
    """They are logged, with what is wrong; the daemon goes on with the old ones, and with the role."""
    node = cluster.node().start().takes_the_role()
    broken = {"[node\n": "not TOML", '[node]\ndevid = "one"\n': "not a number", "": "no number"}
    for text, why in broken.items():
        Path(node.tree.settings).write_text(text)
        node.signal(signal.SIGHUP)
        cluster.another_turn(1)
        cluster.another_turn(1)
        assert why in node.log
    assert node.log.count("the settings stay as they were") == 3
    assert [(one.term, one.ended) for one in cluster.tenures()] == [(1, "")]


@pytest.mark.slow
def test_no_signal_is_lost_in_a_storm(cluster: Cluster) -> None:
    """SIGTERM in the middle of many SIGHUPs, while settings change, ends the daemon in order every time."""
    node = cluster.node()
    for trial in range(20):
        node.start().takes_the_role()
        for name in ("Wheatley", "Chell", "Cave", "Caroline"):
            node.settings(name=name, poll_interval=NEVER)
            node.signal(signal.SIGHUP)
            time.sleep(0.001 * trial)
        node.signal(signal.SIGTERM)
        assert node.ended() == 0
        assert node.stderr == ""


# One daemon a root


def test_a_second_daemon_of_a_root_says_who_is_first(cluster: Cluster) -> None:
    node = cluster.node().start().takes_the_role()
    second = node.run("daemon")
    assert second.returncode == 1
    assert f"pid {node.pid}" in second.stderr
    assert node.takings == 1


def test_one_turn_by_hand(cluster: Cluster) -> None:
    """`--once` reports, merges and gives the role back; where another has the role, it reports."""
    first, second = cluster.node(), cluster.node()
    once = first.run("daemon", "--once")
    assert (once.returncode, once.stderr) == (0, "")
    assert cluster.addresses() == [first.address]
    assert [one.ended for one in cluster.tenures()] == ["released"]
    assert not cluster.status()["held"]

    first.start()
    eventually(lambda: len(cluster.tenures()) == 2, "the daemon takes the role")
    once = second.run("daemon", "--once")
    assert (once.returncode, once.stderr) == (0, "")
    cluster.has(first, second)


def test_one_turn_by_hand_that_fails_says_why(cluster: Cluster) -> None:
    node = cluster.node()
    os.makedirs(cluster.tree.flexnet)
    Path(cluster.tree.configuration).write_text("<flx_config\n")
    once = node.run("daemon", "--once")
    assert once.returncode == 1
    assert once.stderr.startswith("Error: ")
    assert cluster.tree.configuration in once.stderr
    assert Path(cluster.tree.configuration).read_text() == "<flx_config\n"
    assert not cluster.status()["held"]


# Death, and what is like it


def test_a_killed_holder_is_followed_by_who_waits(cluster: Cluster) -> None:
    """Nobody polls; the term grows by one, the log says who, and the addresses stay."""
    first, second = cluster.node(), cluster.node()
    first.start().takes_the_role()
    second.settings(poll_interval=NEVER)
    second.start().stands_in_line()
    cluster.has(first, second)
    killed = time.time()
    first.kill()
    second.takes_the_role()
    now = cluster.tenures()[-1]
    assert (now.term, now.devid) == (2, 2)
    print(f"taken {(now.since - killed) * 1000:.1f} ms after kill -9")
    assert cluster.addresses() == [first.address, second.address]
    said = json.loads(second.run("merger", "history", "--format", "json").stdout)
    assert [(one["term"], one["ended"]) for one in said] == [(2, None), (1, "died")]


@pytest.mark.parametrize("replaced", [False, True])
def test_exactly_one_holds_the_role_after_its_lock_file_was_deleted(cluster: Cluster, replaced: bool) -> None:
    """The holder notices, and so do those who stand in line at a file that is gone."""
    nodes = [cluster.node().start() for _ in range(3)]
    eventually(lambda: sum(one.takings for one in nodes) == 1, "one of them takes the role")
    [holder] = [one for one in nodes if one.takings]
    for node in nodes:
        if node is not holder:
            node.stands_in_line()
    if replaced:
        Path(f"{cluster.tree.merger_lock}.new").write_text("7\n")
        os.rename(f"{cluster.tree.merger_lock}.new", cluster.tree.merger_lock)
    else:
        os.unlink(cluster.tree.merger_lock)
    eventually(lambda: "Lost ownership" in holder.log, "the holder notices")
    eventually(lambda: cluster.tenures()[-1].term > 1, "somebody takes the role")
    time.sleep(5 * POLL)
    tenures = cluster.tenures()
    assert tenures[0].ended in ("lock lost", "fenced")  # whichever the holder sees first
    assert [one.devid for one in tenures if not one.ended] == [cluster.status()["devid"]]
    cluster.has(*nodes)


@pytest.mark.slow
def test_a_stopped_holder_keeps_the_role_and_is_seen(cluster: Cluster) -> None:
    """Nobody can take it; `merger status` exits with 3; when it goes on, it begins a new term."""
    first, second = cluster.node(), cluster.node()
    first.settings(poll_interval=1.0, deadline=2.0)
    first.start().takes_the_role()
    second.start().stands_in_line()
    cluster.has(first, second)
    # It is stopped while it rests: one that hangs in a turn for so long is ended by its watchdog.
    last_turn = cluster.status()["last_turn"]
    eventually(lambda: cluster.status()["last_turn"] != last_turn, "a turn has just ended")
    first.signal(signal.SIGSTOP)
    eventually(lambda: first.run("merger", "status").returncode == 3, "it is seen as stalled")
    assert cluster.status()["held"]
    assert cluster.status()["devid"] == 1
    assert second.takings == 0
    first.signal(signal.SIGCONT)
    eventually(lambda: len(cluster.tenures()) == 2, "a new term begins")
    assert cluster.tenures()[0].ended == "deadline"
    eventually(lambda: first.run("merger", "status").returncode == 0, "all is well")
    assert cluster.addresses() == [first.address, second.address]


# Nodes that fare worse than others


def mounted(cluster: Cluster) -> Path:
    """Makes the last node's shared directory a link to the others', which a test can turn elsewhere."""
    node, mount = cluster.nodes[-1], cluster.directory / "mount"
    os.mkdir(cluster.tree.ifs)
    mount.symlink_to(cluster.tree.ifs)
    node.tree = Tree(node.tree.root, str(mount))
    node.settings(poll_interval=POLL, deadline=2.0)
    return mount


def unmount(mount: Path) -> None:
    """What lies at its path from now on is an empty directory."""
    bare = mount.with_name("bare")
    bare.mkdir()
    mount.with_name("new").symlink_to(bare.name)
    mount.with_name("new").rename(mount)


@pytest.mark.slow
def test_a_holder_that_lost_the_shared_file_system_gives_the_role_to_another(cluster: Cluster) -> None:
    second, first = cluster.node(), cluster.node()
    mount = mounted(cluster)
    first.start().takes_the_role()
    second.start().stands_in_line()
    cluster.has(first, second)
    unmount(mount)
    second.takes_the_role()
    assert "mount the shared file system" in first.log
    assert not (mount / ".ifsvar/modules/flexnet/revisions").exists()


def test_who_lost_the_shared_file_system_stands_in_nobodys_way(cluster: Cluster) -> None:
    """Its thread waited for the role in the kernel, which knows of no mount."""
    first, third, second = cluster.node(), cluster.node(), cluster.node()
    mount = mounted(cluster)
    first.start().takes_the_role()
    second.start().stands_in_line()
    third.start().stands_in_line()
    cluster.has(first, second, third)
    unmount(mount)
    eventually(lambda: "mount the shared file system" in second.log, "it waits for its mount")
    first.kill()
    third.takes_the_role()


@pytest.mark.slow
def test_a_holder_that_cannot_read_the_reports_gives_the_role_to_another(cluster: Cluster) -> None:
    """As long as it is alone, it takes the role again and again: it may be the last that can."""
    node = cluster.node()
    node.settings(poll_interval=POLL, deadline=2.0)
    node.start().takes_the_role()
    cluster.has(node)
    os.rename(cluster.tree.reports, f"{cluster.tree.reports}.away")
    Path(cluster.tree.reports).write_text("in the way")
    eventually(lambda: cluster.tenures()[0].ended == "failing", "it gives the role back")
    os.unlink(cluster.tree.reports)
    os.rename(f"{cluster.tree.reports}.away", cluster.tree.reports)
    node.takes_the_role(times=2)
    eventually(lambda: node.run("merger", "status").returncode == 0, "all is well")


# Giving the role to another on request


def test_step_down_gives_the_role_to_the_other(cluster: Cluster) -> None:
    first, second = cluster.node().start().takes_the_role(), cluster.node().start().stands_in_line()
    asked = time.time()
    assert first.run("merger", "step-down").returncode == 0
    second.takes_the_role()
    now = cluster.tenures()[-1]
    print(f"taken {(now.since - asked) * 1000:.0f} ms after step-down was called")
    assert [(one.devid, one.ended) for one in cluster.tenures()] == [(1, "stepped down"), (2, "")]
    assert not os.path.exists(cluster.tree.step_down)
    first.signal(signal.SIGTERM)
    assert first.ended() == 0


@pytest.mark.slow
def test_who_is_alone_takes_the_role_again_after_stepping_down(cluster: Cluster) -> None:
    node = cluster.node().start().takes_the_role()
    assert node.run("merger", "step-down").returncode == 0
    node.takes_the_role(2)
    first, second = cluster.tenures()
    assert first.ended == "stepped down"
    assert first.until is not None
    assert 4.5 < second.since - first.until < 8.0


@pytest.mark.slow
def test_a_node_is_retired_only_when_its_daemon_is_dead(cluster: Cluster) -> None:
    first, second = cluster.node().start().takes_the_role(), cluster.node().start()
    cluster.has(first, second)
    refused = first.run("reports", "delete", "2", "--force")
    assert refused.returncode == 1
    assert "stop it first" in refused.stderr
    cluster.has(first, second)
    second.kill()
    assert first.run("reports", "delete", "2", "--force").returncode == 0
    cluster.has(first)
    assert not os.path.exists(cluster.tree.report(2))


# Wake-ups


def test_a_new_lease_is_published_without_polling(cluster: Cluster) -> None:
    node = cluster.node()
    node.settings(poll_interval=NEVER)
    node.start().takes_the_role()
    cluster.has(node)
    node.lease("10.20.30.77")
    began = time.monotonic()
    eventually(lambda: cluster.addresses() == ["10.20.30.77"], "the new address is published")
    print(f"published {(time.monotonic() - began) * 1000:.0f} ms after its lease")


HOARD = """
import os, resource, sys, inotify_simple
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
kept = []
try:
    while True:
        kept.append(inotify_simple.INotify())
except OSError:
    os.close(os.dup(0))  # it may still open files: it is the user who has no more instances
    print("all taken", flush=True)
sys.stdin.read()
"""


def test_a_daemon_that_cannot_watch_polls(nobodys: Cluster) -> None:
    """It says so once; a user's inotify instances are few, and another program may have them all."""
    [node] = nobodys.nodes
    instances = int(Path("/proc/sys/fs/inotify/max_user_instances").read_text())
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    holds = files > instances + 10  # as many as Python and its standard streams need, and more
    need([] if holds else [f"more open files (ulimit -Hn: {files}) than inotify instances ({instances})"])
    with subprocess.Popen(
        [*AS_NOBODY, sys.executable, "-c", HOARD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as hoard:
        assert hoard.stdout is not None
        assert hoard.stdout.readline() == "all taken\n"
        node.start(*AS_NOBODY).takes_the_role()
        nobodys.has(node)
        node.lease("10.20.30.77")
        eventually(lambda: nobodys.addresses() == ["10.20.30.77"], "the new address is published")
        hoard.communicate()
    assert node.log.count("cannot watch files (Too many open files): changes are seen by polling") == 1


def test_an_unprivileged_user_can_run_a_node(nobodys: Cluster) -> None:
    [node] = nobodys.nodes
    node.start(*AS_NOBODY).takes_the_role()
    nobodys.has(node)
    node.signal(signal.SIGTERM)
    assert node.ended() == 0
    assert node.stderr == ""
    assert os.stat(nobodys.tree.configuration).st_uid == NOBODY


# The log cannot be written, stderr is closed


def test_a_daemon_whose_log_cannot_be_written_lives(cluster: Cluster) -> None:
    """Its lines go to stderr; a FIFO that nobody reads is such a log."""
    node = cluster.node()
    os.mkfifo(node.tree.log)
    node.start()
    cluster.has(node)
    eventually(lambda: TAKING in node.stderr, "the line is on stderr")
    assert node.stderr.count("cannot write the log") == 1
    os.unlink(node.tree.log)
    node.signal(signal.SIGHUP)
    eventually(lambda: "settings read again" in node.log, "it has a log")
    node.signal(signal.SIGTERM)
    assert node.ended() == 0


def test_nothing_is_written_into_a_file_that_took_the_place_of_stderr(cluster: Cluster) -> None:
    """Started with stdin, stdout and stderr closed, and a log that cannot be written."""
    node = cluster.node()
    os.mkfifo(node.tree.log)
    node.start("/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh")
    cluster.has(node)
    assert {os.readlink(f"/proc/{node.pid}/fd/{number}") for number in range(3)} == {os.devnull}
    assert Path(node.tree.daemon_lock).read_text() == f"{node.pid}\n"
    assert Path(cluster.tree.merger_lock).read_text() == "1\n"
    node.signal(signal.SIGTERM)
    assert node.ended() == 0


# A turn that hangs

HANGS = """
import sys, time
from isi_net.daemon.log import Log
from isi_net.daemon.loop import Loop, Signals
from isi_net.model.network import Node
from isi_net.model.turn import Turn

def take():
    if hangs == "take":
        time.sleep(60)
    return Turn("")

def watch():
    if hangs == "watch":
        time.sleep(60)
    return ""

log_file, hangs = sys.argv[1:]
log = Log(log_file, Node(1, 1, "GLaDOS-1"), 1, time.time)
Loop({"IPMerger": take}, log, Signals(), watch, time.sleep, 1.0, 0.05).run()
"""


@pytest.mark.parametrize("call", ["take", "watch"])
def test_a_turn_that_hangs_ends_the_process(tmp_path: Path, call: str) -> None:
    """After three deadlines, and stderr says where.  Nothing simple hangs for real in a call of a
    file system, so that a part which sleeps stands in for one."""
    ended = subprocess.run(
        [sys.executable, "-c", HANGS, str(tmp_path / "log"), call],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 1
    assert "Timeout (0:00:00.15" in ended.stderr
    assert f"in {call}" in ended.stderr


# What it costs


@pytest.mark.slow
def test_what_an_idle_holder_costs(cluster: Cluster) -> None:
    """Printed, for people: CPU and memory of a holder of 252 reports that polls every second."""
    node = cluster.node()
    node.settings(poll_interval=1.0)
    node.start().takes_the_role()
    cluster.has(node)
    mine = json.loads(Path(cluster.tree.report(1)).read_text())
    for devid in range(2, 253):
        address = f"10.20.30.{devid}" if devid != 11 else "10.20.30.253"
        lease = mine["addresses"][0] | {"address": address}
        report = mine | {"devid": devid, "lnn": devid, "node": f"GLaDOS-{devid}", "addresses": [lease]}
        Path(cluster.tree.report(devid)).write_text(json.dumps(report))
    eventually(lambda: len(cluster.addresses()) == 252, "252 addresses are published")
    time.sleep(3.0)
    ticks = os.sysconf("SC_CLK_TCK")

    def cpu() -> float:
        fields = Path(f"/proc/{node.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / ticks

    before, began = cpu(), time.monotonic()
    time.sleep(20.0)
    share = (cpu() - before) / (time.monotonic() - began)
    status = Path(f"/proc/{node.pid}/status").read_text()
    resident = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert resident is not None
    print(f"idle: {share:.2%} of a core, {int(resident[1]) / 1024:.1f} MiB resident")
    assert share < 0.5
