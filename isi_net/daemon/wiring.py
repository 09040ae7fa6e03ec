"""Where everything is put together: one daemon, out of its tree and its node's settings."""

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import replace

from isi_net import __version__
from isi_net.daemon.log import STDERR, Log
from isi_net.daemon.loop import Loop, Signals, watchdog
from isi_net.daemon.watch import WakeUps
from isi_net.dhcp.clients import kind
from isi_net.dhcp.leases import InterfaceLease, NodeLeases
from isi_net.dhcp.service import DHCPClients, Rules
from isi_net.dhcp.sources import chosen
from isi_net.dhcp.supervisor import Supervisor
from isi_net.errors import Error, FormatError, Refused, Unreadable, Unwritable
from isi_net.flexnet import published
from isi_net.merger.merger import Merger
from isi_net.merger.role import Role
from isi_net.model.network import CLOUDS, ON_PREMISES, Configuration, Node
from isi_net.model.turn import Turn
from isi_net.reporter.inventory import Stocktaker
from isi_net.reporter.reporter import Reporter, Witness
from isi_net.services import Following, Saying
from isi_net.settings import Settings, load, node_of
from isi_net.store import atomic
from isi_net.store.lock import FileLock
from isi_net.store.read import read
from isi_net.store.tree import Tree

# Between two looks at who is in which pool, for the DHCP clients' sake.
NETWORK_SECONDS = 5.0


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
    # Clients that are still wanted run on while the settings change.
    supervisor = Supervisor(log.write, _boottime, time.time, wake_ups.attend, wake_ups.neglect)
    services = None if once else _Services(tree, supervisor)
    daemon = _Daemon(tree, settings, node, log, signals, wake_ups, services)
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
    finally:
        supervisor.end()
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
    merger = Merger(tree, node, role, time.time, log.write)
    try:
        with watchdog(settings.deadline):
            turn = merger.turn()
            if turn.again:
                turn = merger.turn()
            if role.tenure is None:
                raise Refused(turn.sentence, tree.merger_lock, "see isi_net merger status")
            return turn
    finally:
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


class _Services:
    """What of the services outlives a change of the settings."""

    def __init__(self, tree: Tree, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.wishes, self.saying = Following(tree), Saying(tree)
        with contextlib.suppress(Unwritable):  # whoever writes a wish there says why it cannot be
            atomic.make_directory(os.path.dirname(tree.service_wishes))  # so that the first one is heard


class _Clients:
    """The DHCP clients' turns in one life, and what they need to know for them."""

    def __init__(self, tree: Tree, settings: Settings, node: Node, services: _Services) -> None:
        self._services, self._interfaces = services, settings.interfaces
        self._network, self._network_due = published.Following(tree), _boottime()
        in_cloud = settings.manager in CLOUDS
        rules = Rules(node, settings.interfaces, settings.client, settings.source, in_cloud)
        self._clients = DHCPClients(tree, rules, services.supervisor, _boottime)

    def turn(self, leases: tuple[InterfaceLease, ...]) -> Turn:
        turn = self._clients.turn(self._services.wishes.look(), self._look(), leases)
        self._services.saying.say("DHCPClients", self._clients.services)
        return replace(turn, findings=(*turn.findings, *self._services.wishes.findings()))

    def _look(self) -> Configuration | None:
        """The published configuration: all nodes ask the shared file system for it, so not at every turn.

        Why it cannot be read, the merger says; clients run on without it.
        """
        if not self._interfaces:
            return Configuration()
        if _boottime() >= self._network_due:
            self._network_due = _boottime() + NETWORK_SECONDS
            with contextlib.suppress(Unreadable, FormatError):
                self._network.look()
        return self._network.last


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
        services: _Services | None,
    ) -> None:
        """Without `services`, which is for one turn only, none is started, and the turn tries for the role;
        else a thread waits for that in the kernel.
        """
        self._tree, self._wake_ups, self._deadline = tree, wake_ups, settings.deadline
        self._services = services
        wake = wake_ups.wake if services is not None else None
        self._role = Role(tree, node, os.getpid(), settings.deadline, time.time, _boottime, wake)
        sources, own = chosen(settings.source), kind(settings.client)
        self._leases = NodeLeases(tree, settings.interfaces, sources, own=own)
        manager = ON_PREMISES if settings.manager == "auto" else settings.manager
        self._reporter = Reporter(tree, Witness(node, manager, settings.source, __version__), time.time)
        self._stocktaker = Stocktaker(tree, node, settings.interfaces, _boottime)
        self._found: tuple[InterfaceLease, ...] = ()
        parts: dict[str, Callable[[], Turn]] = {"IPReporter": self._report}
        if services is not None:
            clients = _Clients(tree, settings, node, services)
            parts["DHCPClients"] = lambda: clients.turn(self._found)
        parts["IPMerger"] = Merger(tree, node, self._role, time.time, log.write).turn
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

    def _report(self) -> Turn:
        self._found = found = self._leases.read()
        problems = [problem for one in found for problem in one.problems]
        sources = ", ".join(sorted({one.source for one in found if one.lease}))
        report = self._reporter.turn({one.interface: one.lease for one in found}, problems, sources)
        said = ", ".join(f"{lease.interface} {lease.address}" for lease in report.addresses)
        findings = (*report.problems, *self._stocktaker.turn())
        return Turn(f"{said or 'no lease'}, by {report.manager}", findings)

    def _watch(self) -> str:
        """Has our lease files and what is wanted of services end a rest; and, while the role is ours,
        everybody's reports.
        """
        reports = [self._tree.reports] if self._role.tenure is not None else []
        wishes = os.path.dirname(self._tree.service_wishes)
        return self._wake_ups.watch([*self._leases.directories(), wishes, *reports])

    def _rest(self, seconds: float) -> None:
        """Waits; that is not the file system's time, unless the process was stopped, or the machine slept."""
        began = _boottime()
        due = self._services.supervisor.due() if self._services is not None else seconds
        self._wake_ups.wait(min(seconds, due))
        if _boottime() - began <= seconds + self._deadline:
            self._role.rested()


def _boottime() -> float:
    """Seconds that never jump, and go on while the machine sleeps (clock_gettime(2), CLOCK_BOOTTIME)."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
