"""The DHCP clients of one node as services: one turn decides which are to run, and sees to it.

A client that runs is left alone as long as it is wanted in the same way.  Before one is started by itself,
without anybody having said so, the machine is looked at: where another client has the interface already, as
on every cloud's image, that one's lease is read, and there is no second.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from isi_net.dhcp import processes
from isi_net.dhcp.clients import AUTO, DHCPCD, NONE, Client, Installed, find, is_ours, meant
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
        self._installed: Installed | None = None
        self._others: dict[str, _Other] = {}
        self._looked = False
        self._first = first_external(rules.interfaces) if rules.in_cloud else ""
        self.services: tuple[Service, ...] = ()

    def turn(
        self, wishes: Wishes | None, network: Configuration | None, leases: Iterable[InterfaceLease]
    ) -> Turn:
        """One turn.  `wishes` and `network` are None while they could not be read once: then what runs goes
        on, and nothing is started.  `leases` are those of this node, as they were just read.
        """
        self._supervisor.reap()
        if not self._looked:
            self._supervisor.end_orphans(lambda one: is_ours(self._tree, one.words), self._running())
            self._looked = True
        if wishes is None or network is None:
            return Turn("what is wanted cannot be read yet: nothing is started")
        by_interface = {one.interface: one for one in leases}
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
        rules, name = self._rules, client_of(interface)
        choice = choose(interface, wishes.enabled(name), rules.node, network, self._first)
        if not choice.enabled:
            return _Plan(choice)
        if rules.client == NONE:
            return _Plan(choice._replace(enabled=choice.by_hand, reason='[dhcp] client is "none"'))
        nic = rules.interfaces.get(interface, "")
        self._installed = self._installed or self._find(rules.client)
        if nic not in nics:
            what = f"there is no NIC {nic}" if nic else "[interfaces] does not name it"
            return _Plan(choice, "waiting", _finding(name, "interface_missing", what, "correct [interfaces]"))
        if self._installed is None:
            return _Plan(choice, "missing", _missing(rules))
        client, program = self._installed.client, self._installed.program
        launch = client.launch(program, self._tree, interface, nic)
        job = Job(launch, wishes.of(name).restarts, nics[nic])
        if self._supervisor.is_due(name, job):
            self._look(interface, nic, nics)
            if not choice.by_hand and (why := self._why_not(interface, nic, client, lease)):
                return _Plan(Choice(False, False, why))
        return _Plan(choice, "running", self._beside(name, choice, interface), job)

    def _why_not(self, interface: str, nic: str, client: Client, lease: InterfaceLease | None) -> str:
        """Why a client does not start by itself on an interface where it is wanted; empty when it does."""
        if self._rules.source not in (AUTO, client.name):
            return f"[dhcp] source is {self._rules.source}"
        ours = {self._tree.lease(interface)}
        if client.name == "dhcpcd" or self._tree.root != "/":  # below / another's dhcpcd writes there as well
            ours.add(DHCPCD.lease(self._tree, interface, nic))
        if lease is not None and lease.runs and lease.path not in ours:
            self._others[interface] = _Other(f"{lease.source}'s lease is used, {lease.path}", self._clock())
        other = self._others.get(interface)
        return other.what if other is not None and self._clock() - other.seen < GONE_SECONDS else ""

    def _look(self, interface: str, nic: str, nics: Iterable[str]) -> None:
        """Looks for another client on the interface, for one that was there not all too often."""
        other = self._others.get(interface)
        if other is not None and self._clock() < other.looked + LOOK_SECONDS:
            return
        ours = self._supervisor.groups()
        for one in self._running():
            if one.group not in ours and one.serves(nic, nics):
                what = f"{one.name}, pid {one.pid}, runs on {nic}"
                self._others[interface] = _Other(what, self._clock(), self._clock())
                return
        if other is not None:
            self._others[interface] = replace(other, looked=self._clock())

    def _beside(self, name: str, choice: Choice, interface: str) -> Finding | None:
        """The finding that ours, which somebody enabled, is not the only one."""
        other = self._others.get(interface)
        if not choice.by_hand or other is None or self._clock() - other.seen >= GONE_SECONDS:
            return None
        todo = f"end that one, or isi_net services disable {name}"
        return Finding(name, "two_clients", "warning", f"{other.what} as well", todo)

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
            reason=reason,
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
        if plan.job is not None and status.failures >= _FAILURES:
            what = f"it ended {status.failures} times within a minute of its start: {status.last_exit}"
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
    looked: float = float("-inf")


def _sentence(services: Iterable[Service]) -> str:
    said = [f"{one.name} is {one.state}: {one.reason}" for one in services if one.enabled]
    return "; ".join(said) or "no client of ours is enabled"


def _finding(place: str, code: str, what: str, todo: str) -> Finding:
    return Finding(place, code, "warning", what, todo)


def _missing(rules: Rules) -> Finding:
    clients = meant(rules.client)
    names = " nor ".join(one.name for one in clients)
    packages = "; or ".join(one.packages for one in clients)
    return _finding(
        f"node {rules.node.devid}", "client_missing", f"there is no {names} here", f"install {packages}"
    )
