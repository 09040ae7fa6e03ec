"""The DHCP clients of one node as services: one turn decides which are to run, and sees to it.

A client that runs is left alone as long as it is wanted in the same way.  Before one is started by itself,
without anybody having said so, the machine is looked at: where another client has the interface already, as
on every cloud's image, that one's lease is read, and there is no second.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from isi_net.dhcp import processes
from isi_net.dhcp.clients import AUTO, CLIENTS, DHCPCD, NONE, Installed, find, is_ours, meant
from isi_net.dhcp.leases import InterfaceLease
from isi_net.dhcp.processes import Process
from isi_net.dhcp.supervisor import Job, Supervisor
from isi_net.model.clients import Choice, choose, first_external
from isi_net.model.finding import Finding
from isi_net.model.network import Configuration, Node
from isi_net.model.service import Service, State, Wishes, client_of, interface_of
from isi_net.model.turn import Turn
from isi_net.store.tree import Tree

# Another client that is being restarted is gone for a moment.  Who was seen must be gone for so long.
GONE_SECONDS = 30.0
# Looking at all processes takes tens of milliseconds.
LOOK_SECONDS = 10.0
_FAILURES = 3


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
        self._looked = self._leases_read = False
        self._first = first_external(rules.interfaces) if rules.in_cloud else ""
        self.services: tuple[Service, ...] = ()

    def turn(
        self,
        wishes: Wishes | None,
        network: Configuration | None,
        leases: Iterable[InterfaceLease] | None,
    ) -> Turn:
        """One turn.  `wishes` and `network` are None while they could not be read once: then what runs goes
        on, and nothing is started.  `leases` are those of this node, as they were just read; while they are
        None, nothing is started by itself: another client's would not be seen.
        """
        self._supervisor.reap()
        if not self._looked:
            self._supervisor.end_orphans(lambda one: is_ours(self._tree, one), self._running())
            self._looked = True
        if wishes is None or network is None:
            return Turn("what is wanted cannot be read yet: nothing is started")
        self._leases_read = leases is not None
        by_interface = {one.interface: one for one in leases or ()}
        nics = self._nics()
        plans = {
            client_of(interface): self._plan(interface, wishes, network, nics, by_interface.get(interface))
            for interface in self._interfaces(wishes)
        }
        self._supervisor.follow({name: plan.job for name, plan in plans.items() if plan.job is not None})
        self.services = tuple(self._service(name, plan) for name, plan in plans.items())
        findings = [one for name, plan in plans.items() for one in self._findings(name, plan)]
        return Turn(_sentence(self.services), tuple(dict.fromkeys(findings)))

    def _interfaces(self, wishes: Wishes) -> list[str]:
        wished = (interface_of(name) for name in wishes.by_name)
        return sorted({*self._rules.interfaces, *(one for one in wished if one is not None)})

    def _plan(
        self,
        interface: str,
        wishes: Wishes,
        network: Configuration,
        nics: Mapping[str, int],
        lease: InterfaceLease | None,
    ) -> "_Plan":
        """What is to become of one interface's client."""
        rules, name, nic = self._rules, client_of(interface), self._rules.interfaces.get(interface, "")
        if lease is not None and lease.runs and lease.path not in self._our_files(interface, nic):
            what = f"{lease.source}'s lease is used, {lease.path}"
            self._others[interface] = _Other(what, self._clock(), self._clock())
        choice = choose(interface, wishes.enabled(name), rules.node, network, self._first)
        if choice.enabled and self._installed is None:
            self._installed = self._find(rules.client)
        if choice.enabled and not choice.by_hand and (why := self._forbidden()):
            choice = Choice(False, False, why)
        if not choice.enabled:
            return _Plan(choice)
        if nic not in nics:
            what = f"there is no NIC {nic}" if nic else "[interfaces] does not name it"
            return _Plan(choice, "waiting", _finding(name, "interface_missing", what, "correct [interfaces]"))
        if self._installed is None:
            return _Plan(choice, "missing", _missing(rules))
        launch = self._installed.client.launch(self._installed.program, self._tree, interface, nic)
        job = Job(launch, wishes.of(name).restarts, nics[nic])
        due = self._supervisor.is_due(name, job)
        beside = self._beside(interface, nic, nics) if due or interface in self._others else ""
        hindrance = beside if self._leases_read else "this node's leases could not be read yet"
        if hindrance and due and not choice.by_hand:
            return _Plan(Choice(False, False, hindrance))
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
            ours = self._supervisor.groups()
            seen = (one for one in self._running() if one.group not in ours and one.serves(nic, nics))
            if (one := next(seen, None)) is not None:
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

    def _service(self, name: str, plan: "_Plan") -> Service:
        enabled, by_hand, reason = plan.choice
        if plan.job is None:
            why = plan.finding.message if plan.finding is not None else reason
            return Service(name, enabled, by_hand, plan.state, why)
        status = self._supervisor.status(name)
        return Service(
            name=name,
            enabled=enabled,
            by_hand=by_hand,
            state=status.state,
            reason=status.trouble or reason,
            pid=status.pid,
            since=status.since,
            starts=status.starts,
            last_exit=status.last_exit,
            next_try=status.next_try,
        )

    def _findings(self, name: str, plan: "_Plan") -> Iterable[Finding]:
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
    """What is to become of one client; with a job it is the supervisor who knows its state."""

    choice: Choice
    state: State = "stopped"
    finding: Finding | None = None
    job: Job | None = None


@dataclass(frozen=True, slots=True)
class _Other:
    """Another client on an interface: when it was last seen, and when it was last looked for."""

    what: str
    seen: float
    looked: float


def _sentence(services: Iterable[Service]) -> str:
    said = [f"{one.name} is {one.state}: {one.reason}" for one in services if one.enabled]
    return "; ".join(said) or "no client of ours is enabled"


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
