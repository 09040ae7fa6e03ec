"""Where everything is put together: one daemon, out of its tree and its node's settings."""

import os
import time
from collections.abc import Callable, Collection
from dataclasses import replace

from isi_net.daemon.log import STDERR, Log
from isi_net.daemon.loop import Loop, Signals, watchdog
from isi_net.daemon.reporting import Reporting
from isi_net.daemon.serving import Kept, Serving
from isi_net.daemon.watch import WakeUps
from isi_net.errors import Error, Refused
from isi_net.flexnet.published import Following
from isi_net.merger.merger import Merger
from isi_net.merger.role import Role
from isi_net.model.network import Node
from isi_net.model.turn import Turn
from isi_net.settings import Settings, load, node_of
from isi_net.store.familiar import Familiar, refuse_unfamiliar
from isi_net.store.lock import FileLock
from isi_net.store.read import read
from isi_net.store.tree import Tree

MERGER = "IPMerger"


def run(tree: Tree, once: bool = False) -> list[str]:
    """Runs the daemon of the node at `tree` until it is told to stop; with `once`, for one turn.

    Gives back what went wrong in that one turn.  Raises Refused when a daemon of this root runs already,
    and what is wrong with the settings.
    """
    settings = load(tree)
    node = node_of(settings, tree)
    _fill_standard_streams()
    alone = _alone(tree)
    log = Log(tree.log, node, os.getpid(), time.time)
    log.open()
    signals, wake_ups = Signals(), WakeUps()
    services = Kept(tree, wake_ups, log.write, _boottime)
    daemon = _Daemon(tree, settings, node, log, signals, wake_ups, None if once else services)
    try:
        if once:
            return daemon.once()
        signals.listen(wake_ups.signal_descriptor)
        while True:
            daemon.run()
            if signals.stop:
                return []
            signals.reload = False  # before anything is read: who asks from now on is heard again
            log.open()
            fresh = _reload(tree, settings, log)
            if fresh != settings:
                daemon.end()
                settings, node = fresh, node_of(fresh, tree)
                log.node = node
                daemon = _Daemon(tree, settings, node, log, signals, wake_ups, services)
            daemon.reporting.look_at_machine()
    finally:
        services.supervisor.end()
        daemon.end()
        signals.wake_nobody()
        wake_ups.close()
        log.close()
        alone.close()


def merge_once(tree: Tree) -> Turn:
    """One turn of the merger by hand.  Raises Refused when another has the role, and what the turn raises."""
    _fill_standard_streams()
    settings = load(tree)
    node = node_of(settings, tree)
    log = Log(tree.log, node, os.getpid(), time.time)
    log.open()
    role = Role(tree, node, os.getpid(), settings.deadline, time.time, _boottime, wake=None)
    merger = Merger(tree, node, role, Following(tree), time.time, log.write)
    try:
        with watchdog(settings.deadline):
            refuse_unfamiliar(tree)
            turn = merger.turn()
            if turn.again:
                turn = merger.turn()
            if role.tenure is None:
                raise Refused(turn.sentence, tree.merger_lock, "see isi_net merger status")
            return turn
    finally:
        with watchdog(settings.deadline):
            role.give_back("released", rest=False)
        log.close()


def _fill_standard_streams() -> None:
    """Gives descriptors 0 to 2 to nobody: what is said on a closed stderr must not land in a file of ours."""
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) <= STDERR:
        pass
    os.close(descriptor)


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

    def __init__(
        self,
        tree: Tree,
        settings: Settings,
        node: Node,
        log: Log,
        signals: Signals,
        wake_ups: WakeUps,
        services: Kept | None,
    ) -> None:
        """Without `services`, which is for one turn only, none is started, and the turn tries for the role;
        else a thread waits for that in the kernel.
        """
        self._tree, self._wake_ups, self._deadline = tree, wake_ups, settings.deadline
        self._services = services
        self._called: tuple[str, ...] = ()  # the parts that take a turn of their own after this rest
        wake = self._call_merger if services is not None else None
        self._role = Role(tree, node, os.getpid(), settings.deadline, time.time, _boottime, wake)
        self.reporting = Reporting(tree, settings, node, _boottime)
        self._familiar = Familiar(tree)
        network = Following(tree)  # whichever part looks first in a turn reads what is new for all
        self._merger = Merger(tree, node, self._role, network, time.time, log.write)
        parts = {
            "IPReporter": self._read_and_report,
            MERGER: self._merge,
        }
        self._serving: Serving | None = None
        if services is not None:
            in_cloud = self.reporting.machine_is_in_cloud()
            self._serving = Serving(
                tree, settings, node, in_cloud, network, lambda: self.reporting.found, services
            )
            parts |= self._serving.parts()
        self._loop = Loop(
            parts,
            log,
            signals,
            self._watch,
            self._rest,
            settings.poll_interval,
            settings.deadline,
        )
        self.run, self.once = self._loop.run, self._loop.once

    def end(self) -> None:
        """Gives the role back; nothing is waited for."""
        with watchdog(self._deadline):
            self._role.give_back("released", rest=False)
        if self._serving is not None:
            self._serving.close()

    def _read_and_report(self) -> Turn:
        """Leases are this node's own: they are read, and known to its clients, whatever is mounted."""
        self.reporting.read()
        return self._where_familiar(self.reporting.turn)

    def _merge(self) -> Turn:
        """The merger's turn; where they fail again and again, the role is for a node that fares better."""
        try:
            return self._where_familiar(self._merger.turn)
        except Exception:
            self._role.failed()
            raise

    def _where_familiar(self, take: Callable[[], Turn]) -> Turn:
        """A turn, taken only while the shared directory is the one that this node knows."""
        doubts = self._familiar.look()
        turn = take()
        return replace(turn, findings=(*turn.findings, *doubts))

    def _watch(self) -> str:
        """Has our lease files and what the services need end a rest; and, while the role is ours, everybody's
        reports.
        """
        reports = [self._tree.reports] if self._role.tenure is not None else []
        serving = self._serving.directories() if self._serving is not None else []
        return self._wake_ups.watch([*self.reporting.directories(), *serving, *reports])

    def _call_merger(self) -> None:
        """Has the merger take the role at once: nobody has it until then, and leases can wait so long.

        Called by the thread that waits for the lock.
        """
        self._called = (MERGER,)
        self._wake_ups.wake()

    def _rest(self, seconds: float) -> Collection[str]:
        """Waits; that is not the file system's time, unless the process was stopped, or the machine slept.

        Names the parts that were called meanwhile.
        """
        began = _boottime()
        due = self._services.supervisor.due() if self._services is not None else seconds
        self._wake_ups.wait(min(seconds, due))
        slept = _boottime() - began
        if slept <= seconds + self._deadline:
            self._role.rested(slept)
        called, self._called = self._called, ()
        return called


def _boottime() -> float:
    """Seconds that never jump, and go on while the machine sleeps (clock_gettime(2), CLOCK_BOOTTIME)."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
