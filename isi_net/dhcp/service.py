"""The DHCP clients of one node as services: one turn decides which are to run, and sees to it.

A client that runs is left alone as long as it is wanted in the same way.  Before one is started by itself,
without anybody having said so, the machine is looked at: where another client has the interface already, as
on every cloud's image, that one's lease is read, and there is no second.

What a former daemon left running keeps its lease renewed, and so it is ended only when it is decided what
becomes of its interface: its successor starts now, or there is to be none.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from isi_net.dhcp import processes
from isi_net.dhcp.clients import CLIENTS, DHCPCD, NONE, Installed, find, meant, whose
from isi_net.dhcp.leases import InterfaceLease
from isi_net.dhcp.processes import Process
from isi_net.dhcp.supervisor import Job, Status, Supervisor
from isi_net.model.clients import Choice, choose, first_external
from isi_net.model.finding import Finding
from isi_net.model.network import AUTO, Configuration, Node
from isi_net.model.service import Service, State, Wishes, client_of, interface_of
from isi_net.model.turn import Turn
from isi_net.store.tree import Tree

# Another client that is being restarted is gone for a moment.  Who was seen must be gone for so long.
GONE_SECONDS = 30.0
# Looking at all processes takes tens of milliseconds.
LOOK_SECONDS = 10.0
_FAILURES = 3
_NETWORK_UNREAD = "the network configuration cannot be read yet"


@dataclass(frozen=True, slots=True)
class Rules:
    """What of a node's settings decides about its clients.

    `interfaces` maps the cluster's names to the NICs'; `client` and `source` are `[dhcp]`'s words; `in_cloud`
    whether a cloud gives the addresses.
    """

    node: Node
    interfaces: Mapping[str, str]
    client: str = AUTO
    source: str = AUTO
    in_cloud: bool = False


class DHCPClients:
    """The clients of one daemon; another one may follow, after a change of settings, with its supervisor."""

    def __init__(
        self,
        tree: Tree,
        rules: Rules,
        supervisor: Supervisor,
        clock: Callable[[], float],
        installed: Callable[[str], Installed | None] = find,
        running: Callable[[], list[Process]] = processes.clients,
        nics: Callable[[], Mapping[str, int]] = processes.nics,
    ) -> None:
        """`clock` is in seconds and never jumps.  `installed`, `running` and `nics` look at the machine."""
        self._tree, self._rules, self._supervisor, self._clock = tree, rules, supervisor, clock
        self._find, self._running, self._nics = installed, running, nics
        self._installed = installed(rules.client)
        self._others: dict[str, _Other | None] = {}
        self._orphans: list[Process] | None = None  # None: nobody looked yet
        self._leases_read = False
        self._first = first_external(rules.interfaces) if rules.in_cloud else ""
        self.services: tuple[Service, ...] | None = None  # None: no turn has decided anything

    def turn(
        self,
        wishes: Wishes | None,
        network: Configuration | None,
        leases: Iterable[InterfaceLease] | None,
    ) -> Turn:
        """One turn.  `wishes` are None while they could not be read once: then what runs goes on, and nothing
        is started.  While `network` could not be, that is so where nobody said anything.  `leases` are those
        of this node, as they were just read; while they are None, nothing is started by itself: another
        client's would not be seen.
        """
        self._supervisor.reap()
        if wishes is None:
            return Turn("what is wanted of services cannot be read yet: nothing is started")
        self._look_for_orphans()
        self._leases_read = leases is not None
        by_interface = {one.interface: one for one in leases or ()}
        nics = self._nics()
        plans = {
            interface: self._plan(interface, wishes, network, nics, by_interface.get(interface))
            for interface in self._interfaces(wishes)
        }
        self._end_orphans(plans, network is not None)
        jobs = {client_of(one): plan.job for one, plan in plans.items() if plan.job is not None}
        self._supervisor.follow(jobs, [client_of(one) for one, plan in plans.items() if not plan.decided])
        self.services = tuple(self._service(interface, plan) for interface, plan in plans.items())
        findings = [one for interface, plan in plans.items() for one in self._findings(interface, plan)]
        return Turn(_sentence(self.services, network), tuple(dict.fromkeys(findings)))

    def _look_for_orphans(self) -> None:
        """Looks for what a former daemon left: among all processes once, then whether it still runs."""
        if self._orphans is None:
            self._orphans = self._not_children(self._running())
        else:
            self._orphans = [now for one in self._orphans if (now := processes.look(one.pid)) is not None]
        self._orphans = [one for one in self._orphans if whose(self._tree, one) is not None]

    def _orphan(self, interface: str) -> Process | None:
        """What a former daemon left running for the interface."""
        return next((one for one in self._orphans or () if whose(self._tree, one) == interface), None)

    def _not_children(self, running: Iterable[Process]) -> list[Process]:
        ours = self._supervisor.groups()
        return [one for one in running if one.group not in ours]

    def _end_orphans(self, plans: "Mapping[str, _Plan]", network_known: bool) -> None:
        """Ends the orphans of which it is decided that they are followed by another, or by none."""

        def is_to_end(one: Process) -> bool:
            interface = whose(self._tree, one)
            plan = plans.get(interface) if interface is not None else None
            if interface is None or plan is None:
                return interface is not None and network_known
            if plan.job is not None:
                return self._supervisor.is_due(client_of(interface), plan.job)
            return plan.decided and not plan.choice.enabled

        self._supervisor.end_orphans(is_to_end, self._orphans or ())

    def _interfaces(self, wishes: Wishes) -> list[str]:
        wished = (interface_of(name) for name in wishes.by_name)
        return sorted({*self._rules.interfaces, *(one for one in wished if one is not None)})

    def _plan(
        self,
        interface: str,
        wishes: Wishes,
        network: Configuration | None,
        nics: Mapping[str, int],
        lease: InterfaceLease | None,
    ) -> "_Plan":
        """What is to become of one interface's client."""
        rules, name, nic = self._rules, client_of(interface), self._rules.interfaces.get(interface, "")
        if lease is not None and lease.runs and lease.path not in self._our_files(interface, nic):
            what = f"{lease.source}'s lease is used, {lease.path}"
            self._others[interface] = _Other(what, self._clock(), self._clock())
        wish = wishes.enabled(name)
        choice, known = Choice(False, False, _NETWORK_UNREAD), wish is not None or network is not None
        if known:
            choice = choose(interface, wish, rules.node, network or Configuration(), self._first)
        if choice.enabled and self._installed is None:
            self._installed = self._find(rules.client)
        if choice.enabled and not choice.by_hand and (why := self._forbidden()):
            choice = Choice(False, False, why)
        if not choice.enabled:
            return _Plan(choice, decided=known)
        if nic not in nics:
            what = f"there is no NIC {nic}" if nic else "[interfaces] does not name it"
            return _Plan(choice, "waiting", _finding(name, "interface_missing", what, "correct [interfaces]"))
        if self._installed is None:
            return _Plan(choice, "missing", _missing(rules))
        launch = self._installed.client.launch(self._installed.program, self._tree, interface, nic)
        job = Job(launch, wishes.of(name).restarts, nics[nic])
        due = self._supervisor.is_due(name, job) and self._orphan(interface) is None  # else it just goes on
        beside = self._beside(interface, nic, nics) if due or interface in self._others else ""
        if due and not choice.by_hand and (beside or not self._leases_read):
            why = beside or "this node's leases could not be read yet"
            return _Plan(Choice(False, False, why), decided=bool(beside))
        if not (beside and choice.by_hand):
            return _Plan(choice, job=job)
        todo = f"end that one, or isi_net services disable {name}"
        return _Plan(choice, finding=_finding(name, "two_clients", f"{beside} as well", todo), job=job)

    def _forbidden(self) -> str:
        """Why no client of ours runs by itself on this node; empty where it may."""
        if self._rules.client == NONE:
            return '[dhcp] client is "none"'
        kind = self._installed.client.name if self._installed is not None else self._rules.source
        return "" if self._rules.source in (AUTO, kind) else f"[dhcp] source is {self._rules.source}"

    def _beside(self, interface: str, nic: str, nics: Iterable[str]) -> str:
        """Another client that has the interface, or had it just now, in words; empty where there is none.

        Where its lease was not seen just now, its process is looked for, not all too often.
        """
        now, other = self._clock(), self._others.pop(interface, None)
        if other is None or now >= other.looked + LOOK_SECONDS:
            others = (one for one in self._not_children(self._running()) if one.serves(nic, nics))
            if (one := next((one for one in others if whose(self._tree, one) is None), None)) is not None:
                other = _Other(f"{one.name}, pid {one.pid}, runs on {nic}", now, now)
            elif other is not None:
                other = replace(other, looked=now)
        if other is None or now >= other.seen + GONE_SECONDS:
            return ""
        self._others[interface] = other
        return other.what

    def _our_files(self, interface: str, nic: str) -> set[str]:
        """The lease files that clients of ours may have written, whichever ran last."""
        ours = {client.lease(self._tree, interface, nic) for client in CLIENTS}
        if self._tree.root == "/" and self._installed is not None and self._installed.client is not DHCPCD:
            ours.discard(DHCPCD.lease(self._tree, interface, nic))  # the machine's own keeps it there
        return ours

    def _service(self, interface: str, plan: "_Plan") -> Service:
        name, (enabled, by_hand, reason) = client_of(interface), plan.choice
        status = self._supervisor.status(name)
        alone = not plan.decided and status.state == "stopped"
        if alone and (left := self._orphan(interface)) is not None:
            why = f"a former daemon started it; {reason}"
            return Service(name, True, by_hand, "running", why, left.pid)
        if plan.job is None and (alone or plan.decided):
            why = plan.finding.message if plan.finding is not None else reason
            return Service(name, enabled, by_hand, plan.state, why)
        return Service(
            name=name,
            enabled=enabled or not plan.decided,
            by_hand=by_hand,
            state=status.state,
            reason=_why_waiting(status) or reason,
            pid=status.pid,
            since=status.since,
            starts=status.starts,
            last_exit=status.last_exit,
            next_try=status.next_try,
        )

    def _findings(self, interface: str, plan: "_Plan") -> Iterable[Finding]:
        name = client_of(interface)
        if plan.finding is not None:
            yield plan.finding
        status = self._supervisor.status(name)
        if plan.job is not None and status.trouble:
            yield _finding(name, "client_failing", status.trouble, "it is tried again every minute")
        elif plan.job is not None and status.failures >= _FAILURES:
            what = f"it keeps ending within a minute of its start: {status.last_exit}"
            yield _finding(name, "client_failing", what, f"look for {name} in the log")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to become of one client; with a job it is the supervisor who knows its state.

    While it is not `decided`, what runs is left alone, whoever started it.
    """

    choice: Choice
    state: State = "stopped"
    finding: Finding | None = None
    job: Job | None = None
    decided: bool = True


@dataclass(frozen=True, slots=True)
class _Other:
    """Another client on an interface: when it was last seen, and when it was last looked for."""

    what: str
    seen: float
    looked: float


def _why_waiting(status: Status) -> str:
    """Why a client that is to run does not; empty where it does."""
    if status.trouble or status.state != "waiting":
        return status.trouble
    return f"ended{f' {status.failures} times' if status.failures > 1 else ''}: {status.last_exit}"


def _sentence(services: Iterable[Service], network: Configuration | None) -> str:
    said = [f"{one.name} is {one.state}: {one.reason}" for one in services if one.enabled]
    sentence = "; ".join(said) or "no client of ours is enabled"
    return sentence if network is not None else f"{_NETWORK_UNREAD}: {sentence}"


def _finding(place: str, code: str, what: str, todo: str) -> Finding:
    return Finding(place, code, "warning", what, todo)


def _missing(rules: Rules) -> Finding:
    clients = meant(rules.client)
    if clients:
        what = f"there is no {' nor '.join(one.name for one in clients)} here"
        todo = f"install {'; or '.join(one.packages for one in clients)}"
    else:
        what, todo = '[dhcp] client is "none"', "name one there, or disable the service"
    return _finding(f"node {rules.node.devid}", "client_missing", what, todo)
