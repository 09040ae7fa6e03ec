"""What real daemons do: how soon the role is taken and news are published, and what idling costs."""

import os
import random
import statistics
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

from installed import Installed
from measured import Row, figure, percentile, ratio, spelled, timed
from nodes import TAKING, Node, Processes, eventually, when
from some_cluster import DAY, report, write_report, write_reports
from turn_rows import put, same_directories, staged, sync

from isi_net.flexnet import published
from isi_net.store.tree import Tree

WAITER = Path(__file__).with_name("bare_waiter.py")
MIB = 1 << 20

# isi_net where no inotify instance is left: a user has 128 of them, and other programs have them all.
NO_INSTANCE_LEFT = """
import errno, inotify_simple, os
from isi_net.cli import main
def taken(*_, **__): raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
inotify_simple.INotify = taken
main()
"""


def handover(program: Installed, directory: Path, small: bool) -> Iterator[Row]:
    """SIGKILL of the holder, and who is next: our daemons and bare waiters take turns."""
    daemons, trials = 8, 5 if small else 100
    with Processes() as processes:
        nodes = [Node(directory, devid) for devid in range(1, daemons + 1)]
        for node in nodes:
            node.start(processes, program)
        line = _BareLine(directory / "bare", processes, program, daemons)
        lines, turns, floors = [], [], []
        for _ in range(trials):
            to_line, to_turn = _our_handover(processes, program, nodes)
            lines.append(to_line)
            turns.append(to_turn)
            floors.append(line.handover())
    ours, floor = statistics.median(lines), statistics.median(floors)
    what = f"handover, {daemons} daemons, {trials} trials: to the line in the log"
    yield ratio(f"{what}, p50", ours, floor, 2, "a bare flock waiter in a thread; term and tenure, synced")
    said = f"the bare waiter's p99 is {spelled(percentile(floors, 99))}"
    yield figure(f"{what}, p99", percentile(lines, 99), 0.030, said)
    yield figure("handover: to the first finished turn, p99", percentile(turns, 99), 0.100)


def _our_handover(processes: Processes, program: Installed, nodes: list[Node]) -> tuple[float, float]:
    eventually(lambda: all(node.is_settled for node in nodes), "all stand in line", every=0.02)
    (holder,) = (node for node in nodes if node.has_the_role)
    others = [node for node in nodes if node is not holder]
    time.sleep(random.uniform(0.05, 0.15))  # at no certain moment of anybody's poll interval
    killed = holder.kill()
    heir = eventually(lambda: next((one for one in others if one.has_the_role), None), "one takes the role")
    holder.start(processes, program)

    def after_taking() -> list[str]:
        said = heir.said
        first = next(number for number, line in enumerate(said) if TAKING in line)
        turn = [line for line in said[first:] if "IPMerger: revision" in line]
        return [said[first], turn[0]] if turn else []

    taken, turn = eventually(after_taking, "a turn ends")
    return when(taken) - killed, when(turn) - killed


class _BareLine:
    """As many bare waiters, in one line of their own."""

    def __init__(self, directory: Path, processes: Processes, program: Installed, waiters: int) -> None:
        self._directory, self._processes, self._program = directory, processes, program
        (directory / "tenures").mkdir(parents=True)
        (directory / "log").touch()
        self._waiters = {number: self._start(number) for number in range(waiters)}

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        command = [self._program.python, str(WAITER), str(self._directory), str(number)]
        return self._processes.start(command, self._program.environment)

    def _log(self) -> list[str]:
        text = (self._directory / "log").read_text()
        return text[: text.rfind("\n") + 1].splitlines()

    def handover(self) -> float:
        eventually(self._log, "one holds the lock")
        eventually(self._all_wait, "all stand in line")
        known = len(self._log())
        number = int(self._log()[-1].split()[1])
        holder = self._waiters[number]
        killed = time.time()
        holder.kill()
        holder.wait()
        line = eventually(lambda: self._log()[known:], "one takes the lock")[0]
        self._waiters[number] = self._start(number)
        return float(line.split()[0]) - killed

    def _all_wait(self) -> bool:
        """Whether every thread but the holder's is there, and so in flock(2), or about to be."""
        holder = int(self._log()[-1].split()[1])
        return all(
            len(os.listdir(f"/proc/{one.pid}/task")) > 1
            for number, one in self._waiters.items()
            if number != holder
        )


def news(program: Installed, directory: Path, small: bool) -> Iterator[Row]:
    """A lease file is rewritten: how long until `pool_members` holds the new address."""
    times, writes = _news(directory / "watching", program, 5 if small else 200, 1.0)
    for hundredths, most in ((50, 0.020), (99, 0.060)):
        ours, beside = percentile(times, hundredths), percentile(writes, hundredths)
        floor = "the writes that must be safe before it is seen, at the same time"
        yield figure(f"news, p{hundredths}", ours, most, floor, beside)
    interval = 0.2
    blind = (program.python, "-c", NO_INSTANCE_LEFT)
    times, _ = _news(directory / "polling", program, 3 if small else 50, interval, *blind)
    what = f"news, no inotify instance left, poll interval {interval:g} s, p99"
    yield figure(what, percentile(times, 99), interval + 0.060)


def _news(
    directory: Path, program: Installed, trials: int, poll_interval: float, *through: str
) -> tuple[list[float], list[float]]:
    """How long each change took; and, right after it, the bare writes that must be safe before it is seen."""
    times, writes = [], []
    floor_tree = same_directories(directory / "floor")
    os.makedirs(floor_tree.reports)
    with Processes() as processes:
        node = Node(directory, 1, poll_interval)
        node.start(processes, program, *through)
        members = node.tree.members_of(1, 1, 1)

        def has(address: bytes) -> bool:
            try:
                return address in Path(members).read_bytes()
            except FileNotFoundError:
                return False

        eventually(lambda: has(b"10.20.30.2"), "the first address is published")
        blind = any("cannot watch files" in line for line in node.said)
        assert blind == bool(through), node.said
        for trial in range(trials):
            address = IPv4Address(f"10.20.30.{100 + trial % 100}")
            time.sleep(random.uniform(0.05, 0.1))
            began = time.monotonic()
            node.lease(address)
            eventually(lambda address=address: has(f'"{address}"'.encode()), f"{address} is published")
            times.append(time.monotonic() - began)
            writes.append(timed(partial(_written, floor_tree, trial, node.tree))())
    return times, writes


def _written(tree: Tree, number: int, other: Tree) -> None:
    """What `other` has: a report, a revision, and the members, which are seen from their rename on."""
    put(tree, tree.report(1), Path(other.report(1)).read_bytes())
    path = staged(tree, Path(other.configuration).read_bytes())
    os.link(path, tree.revision(number + 1))
    sync(tree.revisions)
    os.unlink(path)
    members = tree.members_of(1, 1, 1)
    os.rename(staged(tree, Path(other.members_of(1, 1, 1)).read_bytes()), members)


def idle(program: Installed, directory: Path, small: bool) -> Iterator[Row]:
    """One daemon that merges 252 reports, left alone; then an hour of turns and reports in a minute."""
    reports = 252
    seconds = 3.0 if small else 60.0
    with Processes() as processes:
        node = _merging(directory / "idle", reports, 1.0, processes, program)
        time.sleep(3)  # it reads each report twice before it believes a stamp
        before, began = node.cpu_seconds(), time.monotonic()
        time.sleep(seconds)
        share = (node.cpu_seconds() - before) / (time.monotonic() - began)
        resident = node.resident_bytes() / MIB
    what = f"idle: one daemon, {reports} reports, poll interval 1 s"
    yield Row(f"{what}: CPU", f"{share:.2%}", "", f"{share:.2%}", "<= 0.5 %", share <= 0.005, "")
    said = f"{resident:.1f} MiB"
    yield Row(f"{what}: resident", said, "", said, "<= 40 MiB", resident <= 40, "")
    with Processes() as processes:
        node = _merging(directory / "hour", reports, 0.01, processes, program)
        _minutes(node.tree, reports, 1 if small else 10)  # what the first minutes leave, stays
        before = node.resident_bytes()
        _minutes(node.tree, reports, 1 if small else 60)
        growth = (node.resident_bytes() - before) / MIB
    what = f"idle: growth over an hour of {reports} reports, at 100 turns a second"
    said = f"{growth:+.2f} MiB"
    yield Row(what, said, "", said, "<= 1 MiB", growth <= 1, "")


def _merging(
    directory: Path, reports: int, poll_interval: float, processes: Processes, program: Installed
) -> Node:
    node = Node(directory, 1, poll_interval)
    write_reports(node.tree, reports)
    node.start(processes, program)
    eventually(lambda: _merged(node.tree) == reports, "all reports are merged", every=0.02)
    return node


def _minutes(tree: Tree, reports: int, minutes: int) -> None:
    """So many minutes, a second each: a minute's 60 turns, and every fifth minute everybody's new report."""
    for minute in range(minutes):
        began = time.monotonic()
        if minute % 5 == 0:
            for devid in range(2, reports + 1):
                write_report(tree, report(devid, later=60 * minute - DAY // 2))
        time.sleep(max(0.0, began + 1 - time.monotonic()))


def herd(program: Installed, directory: Path, small: bool) -> Iterator[Row]:
    """Many daemons on one machine with one shared directory."""
    count, seconds = (12, 1.5) if small else (252, 10.0)
    at_once = 2 * (os.cpu_count() or 1)
    with Processes() as processes:
        nodes = [Node(directory, devid) for devid in range(1, count + 1)]
        starting: list[Node] = []
        for node in nodes:
            while len(starting) >= at_once:  # as fast as this machine can start them, and no faster
                time.sleep(0.005)
                starting = [one for one in starting if not one.said]
            node.start(processes, program)
            starting.append(node)
        began = time.monotonic()
        eventually(lambda: _merged(nodes[0].tree) == count, "all reports are merged", every=0.05)
        took = time.monotonic() - began
        eventually(lambda: all(node.is_settled for node in nodes), "all stand in line", every=0.2)
        time.sleep(3)
        holders = [node for node in nodes if node.has_the_role]
        others = [node for node in nodes if node not in holders]
        quiet = _cost(others, seconds)
        holders[0].kill()
        killed = _cost(others, seconds)
        heirs = [node for node in others if node.has_the_role]
    found = f"{len(holders)}, then {len(heirs)}"
    exactly = (len(holders), len(heirs)) == (1, 1)
    yield Row(f"herd of {count}: holders", found, "", found, "1, then 1", exactly, "")
    yield figure(f"herd of {count}: all merged after the last start", took, 15)
    # The heir does the holder's work from now on: that is no cost of the death.
    rest = [number for number, node in enumerate(others) if node not in heirs]
    before, after = (statistics.median(times[number] for number in rest) for times in (quiet, killed))
    spread = statistics.pstdev(quiet[number] for number in rest)
    floor = f"the same {seconds:g} s without one; met: within two of its standard deviations"
    found = f"{spelled(after - before)} each"
    what = f"herd of {count}: what a SIGKILL of the holder costs the others"
    measurable = "not measurable"
    yield Row(what, spelled(after), spelled(before), found, measurable, after - before <= 2 * spread, floor)


def _merged(tree: Tree) -> int:
    return sum(len(pool.assignments) for _, pool in published.load(tree).pools())


def _cost(nodes: list[Node], seconds: float) -> list[float]:
    """The CPU time that each takes in so many seconds."""
    before = [node.cpu_seconds() for node in nodes]
    time.sleep(seconds)
    return [node.cpu_seconds() - one for node, one in zip(nodes, before, strict=True)]
