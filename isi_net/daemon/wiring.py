"""Where everything is put together: one daemon, out of its tree and its node's settings."""

import os
import time
from collections.abc import Iterable

from isi_net import __version__
from isi_net.daemon.log import Log
from isi_net.daemon.loop import Loop
from isi_net.daemon.watch import WakeUps
from isi_net.dhcp.leases import NodeLeases
from isi_net.errors import Error, Refused
from isi_net.merger.merger import Merger
from isi_net.merger.role import Role
from isi_net.model.network import ON_PREMISES, Node
from isi_net.model.turn import Turn
from isi_net.reporter.reporter import Reporter, Witness
from isi_net.settings import Settings, load, node_of
from isi_net.store.lock import FileLock
from isi_net.store.read import read
from isi_net.store.tree import Tree


def run(tree: Tree, once: bool = False) -> list[str]:
    """Runs the daemon of the node at `tree` until it is told to stop; with `once`, for one turn.

    Gives back what went wrong in that one turn.  Raises Refused when a daemon of this root runs already,
    and what is wrong with the settings.
    """
    settings = load(tree)
    node = node_of(settings, tree)
    alone = _alone(tree)
    log = Log(tree.log, node, os.getpid(), time.time)
    log.open()
    daemon = _Daemon(tree, settings, node, log, waits=not once)
    try:
        if once:
            return daemon.once()
        while daemon.run():
            log.open()
            fresh = _reload(tree, settings, log)
            if fresh != settings:
                daemon.end()
                settings, node = fresh, node_of(fresh, tree)
                log.node = node
                daemon = _Daemon(tree, settings, node, log, waits=True)
        return []
    finally:
        daemon.end()
        log.close()
        alone.close()


def _alone(tree: Tree) -> FileLock:
    """Holds this root's daemon lock; Refused when another daemon has it."""
    lock = FileLock(tree.daemon_lock)
    lock.open()
    if not lock.try_now():
        pid = read(tree.daemon_lock, 64)[0].decode(errors="replace").strip()
        lock.close()
        raise Refused(
            f"a daemon of this root runs already, pid {pid or 'unknown'}",
            tree.root,
            "stop it first, or name another --root",
        )
    lock.sign(str(os.getpid()))
    return lock


def _reload(tree: Tree, settings: Settings, log: Log) -> Settings:
    """The settings as they are now; the old ones where the new ones cannot be used."""
    try:
        fresh = load(tree)
        node_of(fresh, tree)
    except Error as error:
        log.write(f"the settings stay as they were: {error}", "error")
        return settings
    log.write("settings read again")
    return fresh


class _Daemon:
    """One life between two changes of the settings."""

    def __init__(self, tree: Tree, settings: Settings, node: Node, log: Log, waits: bool) -> None:
        """With `waits`, a thread waits in the kernel for the role; else each turn tries for it."""
        self._tree = tree
        self._wake_ups = WakeUps()
        wake = self._wake_ups.wake if waits else None
        self._role = Role(tree, node, os.getpid(), settings.deadline, time.time, _boottime, wake)
        self._leases = NodeLeases(tree, settings.interfaces)
        manager = ON_PREMISES if settings.manager == "auto" else settings.manager
        self._reporter = Reporter(tree, Witness(node, manager, "dhclient", __version__), time.time)
        merger = Merger(tree, node, self._role, time.time, log.write)
        self._loop = Loop(
            {"IPReporter": self._report, "IPMerger": merger.turn},
            log,
            self._wake_ups,
            self._watched,
            self._role.rested,
            settings.poll_interval,
            settings.deadline,
        )
        self.run, self.once = self._loop.run, self._loop.once

    def end(self) -> None:
        """Gives the role back; nothing is waited for."""
        self._role.give_back("released", rest=False)
        self._wake_ups.close()

    def _report(self) -> Turn:
        found = self._leases.read()
        problems = [problem for one in found for problem in one.problems]
        report = self._reporter.turn({one.interface: one.lease for one in found}, problems)
        said = ", ".join(f"{lease.interface} {lease.address}" for lease in report.addresses)
        return Turn(f"{said or 'no lease'}, by {report.manager}", report.problems)

    def _watched(self) -> Iterable[str]:
        """Our lease files; and, while the role is ours, everybody's reports."""
        yield self._tree.leases
        if self._role.tenure is not None:
            yield self._tree.reports


def _boottime() -> float:
    """Seconds that never jump, and go on while the machine sleeps (clock_gettime(2), CLOCK_BOOTTIME)."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
