"""What one node's NICs should have by the published configuration, and the steps that lead there.

Pure: `wanted` says what should be, `plan` compares that with what is there and gives back the steps in
their order.  Each step reads as the command of ip(8) that does the same.  Additions come before removals,
routes after their addresses, so that a node that gets another address is never without one.

What is ours is known by its protocol number (PROTOCOL), which ip(8) shows for routes and rules, and from
Linux 5.18 on the kernel keeps for addresses too; where it does not, what was written down tells.  Nothing
else is ever changed: it is reported.  What a node has is taken away only when a revision that is newer
than the one it was applied by gives it no more.

What the kernel does, measured on Linux 6.18: the first address of a network on a NIC is primary, the
later ones are secondary and go when it goes, unless promote_secondaries is on; routes of a NIC go with its
last address, and when it is set down; `ip route add` refuses a second route of the same destination and
metric, whoever made the first.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from types import MappingProxyType
from typing import NamedTuple

from isi_net.model.addresses import why_no_destination
from isi_net.model.finding import Finding, Severity
from isi_net.model.names import PoolId
from isi_net.model.network import CLOUDS, Configuration, Iface, Node, Pool, Range, StaticRoute, Subnet
from isi_net.model.static import no_address

PROTOCOL = 97  # of our addresses, routes and rules; nobody's in /etc/iproute2/rt_protos or linux/if_addr.h
RULE_PRIORITY = 9700  # of our rules: before main (32766), and after what people like to put first
MAIN = 254  # the table of all ordinary routes (ip-route(8))

# Google Cloud leases /32s: a neighbour in the subnet does not answer ARP, only the gateway does.
_HOSTS_ONLY = "GCP"

_DEFAULT = IPv4Network("0.0.0.0/0")

AddressKey = tuple[str, IPv4Interface]  # an address, with its prefix, on a NIC


class Route(NamedTuple):
    """A route; without a `gateway`, to what is on the NIC's own link."""

    destination: IPv4Network
    gateway: IPv4Address | None
    nic: str
    metric: int = 0
    table: int = MAIN
    onlink: bool = False

    @property
    def key(self) -> tuple[int, IPv4Network, int]:
        """What no two routes share that `ip route add` made."""
        return self.table, self.destination, self.metric

    def __str__(self) -> str:
        words = ["default" if self.destination == _DEFAULT else str(self.destination)]
        if self.gateway is not None:
            words.append(f"via {self.gateway}")
        words.append(f"dev {self.nic}")
        if self.gateway is None:
            words.append("scope link")
        if self.table != MAIN:
            words.append(f"table {self.table}")
        if self.metric:
            words.append(f"metric {self.metric}")
        words.append(f"proto {PROTOCOL}")
        if self.onlink:
            words.append("onlink")
        return " ".join(words)


class Rule(NamedTuple):
    """A rule of source-based routing: what has this source looks into a table of its own."""

    source: IPv4Address

    @property
    def table(self) -> int:
        """The address, read as a number: no other address's, and nothing has to be remembered."""
        return int(self.source)

    def __str__(self) -> str:
        return f"from {self.source} lookup {self.table} priority {RULE_PRIORITY} protocol {PROTOCOL}"


# The steps.  Each is about one NIC, and reads as a command.


class SetUp(NamedTuple):
    nic: str

    def __str__(self) -> str:
        return f"ip link set dev {self.nic} up"


class SetMtu(NamedTuple):
    nic: str
    mtu: int

    def __str__(self) -> str:
        return f"ip link set dev {self.nic} mtu {self.mtu}"


class AddAddress(NamedTuple):
    nic: str
    address: IPv4Interface

    def __str__(self) -> str:
        broadcast = " broadcast +" if self.address.network.prefixlen < 31 else ""
        return f"ip address add {self.address}{broadcast} dev {self.nic}"


class DeleteAddress(NamedTuple):
    nic: str
    address: IPv4Interface

    def __str__(self) -> str:
        return f"ip address delete {self.address} dev {self.nic}"


class Promote(NamedTuple):
    """Has the NIC keep its secondary addresses when their primary one goes."""

    nic: str

    def __str__(self) -> str:
        return f"sysctl -w net/ipv4/conf/{self.nic}/promote_secondaries=1"


class AddRoute(NamedTuple):
    nic: str
    route: Route

    def __str__(self) -> str:
        return f"ip route add {self.route}"


class ReplaceRoute(NamedTuple):
    """Puts a route in the place of ours of the same destination and metric, at once."""

    nic: str
    route: Route

    def __str__(self) -> str:
        return f"ip route replace {self.route}"


class DeleteRoute(NamedTuple):
    nic: str
    route: Route

    def __str__(self) -> str:
        return f"ip route delete {self.route}"


class AddRule(NamedTuple):
    nic: str
    rule: Rule

    def __str__(self) -> str:
        return f"ip rule add {self.rule}"


class DeleteRule(NamedTuple):
    nic: str
    rule: Rule

    def __str__(self) -> str:
        return f"ip rule delete {self.rule}"


Step = (
    SetUp
    | SetMtu
    | AddAddress
    | DeleteAddress
    | Promote
    | AddRoute
    | ReplaceRoute
    | DeleteRoute
    | AddRule
    | DeleteRule
)


# What should be.


@dataclass(frozen=True, slots=True)
class WantedAddress:
    """An address that a NIC should have, with the routes that follow it.

    `probed` says whether the network is asked first whether anybody else uses it (RFC 5227): in a cloud the
    provider sees to that, and answers every ARP request itself.
    """

    interface: str
    nic: str
    address: IPv4Interface
    pool: PoolId
    probed: bool
    routes: tuple[Route, ...] = ()
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one node should have by one revision.

    `everything` are all addresses that the revision gives this node, also those that cannot be put
    anywhere: none of them is taken away.  Nor is what lies in `unsettled`, ranges of which the revision does
    not say who has what.  `nics` are the NICs that this node's interfaces are.
    `lnn` is this node's; `of_other_lnns` are the addresses by hand of LNNs that no other node is known by.
    While the upgrade is not `committed` nothing is known to be wanted, and nothing is changed.
    """

    revision: int = 0
    addresses: tuple[WantedAddress, ...] = ()
    mtus: Mapping[str, int] = field(default_factory=dict)
    everything: frozenset[IPv4Address] = frozenset()
    nics: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
    committed: bool = True
    unsettled: tuple[Range, ...] = ()
    lnn: int = 0
    of_other_lnns: Mapping[IPv4Address, tuple[PoolId, Iface]] = field(default_factory=dict)

    @property
    def destinations(self) -> frozenset[IPv4Network]:
        """Where its routes lead."""
        return frozenset(route.destination for one in self.addresses for route in one.routes)

    def spares(self, address: IPv4Address) -> bool:
        """Whether `address` is this node's, or may be: it is not taken away."""
        return address in self.everything or any(one.holds(address) for one in self.unsettled)


class _Given(NamedTuple):
    """An address that the configuration gives to an interface of this node."""

    interface: str
    address: IPv4Address
    pool_id: PoolId
    pool: Pool
    subnet: Subnet
    order: int  # of the subnet in the configuration


@dataclass(slots=True)
class _NotApplied:
    """What this node has of the pools that are not put on interfaces yet."""

    addresses: set[IPv4Address] = field(default_factory=set)
    ranges: list[Range] = field(default_factory=list)


def wanted(configuration: Configuration, node: Node, nics: Mapping[str, str]) -> Wanted:
    """What `node` should have by `configuration`; `nics` maps the cluster's interface names to the NICs'.

    Pools that are not applied (dynamic ones, IPv6, VLANs) and interfaces without a NIC are findings, and
    what is there of them stays.
    """
    if not configuration.settings.committed:
        return Wanted(configuration.revision, committed=False, lnn=node.lnn)
    findings: list[Finding] = []
    not_applied = _NotApplied()
    given = list(_given(configuration, node, findings, not_applied))
    placed = []
    for one in given:
        if one.interface in nics:
            placed.append(one)
        else:
            what = f"{one.address} of {one.pool_id} is for {one.interface}, which is no NIC of this node"
            todo = f"name its NIC in [interfaces] of isi_net.toml: {one.interface} = ..."
            findings.append(
                _finding(f"node {node.devid} {one.interface}", "nic_unknown", what, todo, "error")
            )
    for pool_id, route in dict.fromkeys(
        (one.pool_id, route) for one in placed for route in one.pool.static_routes
    ):
        if why := _why_no_route(route):
            what = f"its static route {route} is not put on this node's interfaces: {why}"
            todo = f"isi_net pools modify {pool_id} --static-routes=ROUTE,..."
            findings.append(_finding(pool_id, "route_not_applied", what, todo))
    metrics = _metrics(placed, nics)
    mtus: dict[str, int] = {}
    for one in placed:
        nic = nics[one.interface]
        mtus[nic] = max(mtus.get(nic, 0), one.subnet.mtu)  # of several subnets on a NIC, what all fit into
    return Wanted(
        revision=configuration.revision,
        addresses=tuple(_wanted_address(one, nics, metrics, configuration.settings.sbr) for one in placed),
        mtus=mtus,
        everything=frozenset(not_applied.addresses.union(one.address for one in given)),
        nics=frozenset(nics.values()),
        findings=tuple(findings),
        unsettled=tuple(not_applied.ranges),
        lnn=node.lnn,
        of_other_lnns=_of_other_lnns(configuration, node),
    )


def _of_other_lnns(configuration: Configuration, node: Node) -> dict[IPv4Address, tuple[PoolId, Iface]]:
    known = {lnn for devid, lnn in configuration.lnns().items() if devid != node.devid} | {node.lnn}
    return {
        one.address: (pool_id, one.iface)
        for pool_id, pool in configuration.pools()
        for one in pool.addresses
        if one.iface.lnn not in known and isinstance(one.address, IPv4Address)
    }


def _given(
    configuration: Configuration, node: Node, findings: list[Finding], not_applied: _NotApplied
) -> Iterator[_Given]:
    for order, (subnet_id, subnet) in enumerate(configuration.subnets()):
        for pool in subnet.pools:
            pool_id = PoolId(*subnet_id, pool.name)
            by_hand = [one for one in pool.manual_ifaces if one.lnn == node.lnn]
            mine = [one for one in pool.assignments if one.devid == node.devid]
            if not by_hand and not mine:
                continue
            if why := _why_not_applied(subnet, pool):
                what = f"its addresses are neither put on this node's interfaces nor taken away: {why}"
                findings.append(_finding(pool_id, "pool_not_applied", what, "put them there by hand"))
                not_applied.addresses.update(leased.address for leased in mine)
                by_lnn = (held.address for held in pool.addresses if held.iface.lnn == node.lnn)
                not_applied.addresses.update(one for one in by_lnn if isinstance(one, IPv4Address))
                if pool.alloc_method == "dynamic":
                    not_applied.ranges += _nobody_elses(subnet, pool)
                continue
            for leased in mine:
                yield _Given(leased.interface, leased.address, pool_id, pool, subnet, order)
            addresses = {held.iface: held.address for held in pool.addresses}
            leasing = {leased.interface for leased in mine}
            for iface in by_hand:
                address = addresses.get(iface)
                if isinstance(address, IPv4Address):
                    yield _Given(iface.name, address, pool_id, pool, subnet, order)
                elif iface.name not in leasing:
                    findings.append(no_address(pool_id, iface))


def _why_not_applied(subnet: Subnet, pool: Pool) -> str | None:
    if pool.alloc_method == "dynamic":
        return "a dynamic pool needs addresses that fail over between nodes, which is not there yet"
    if subnet.addr_family != "ipv4":
        return "IPv6 is not there yet"
    if subnet.vlan_enabled:
        return "VLANs are not there yet"
    return None


def _nobody_elses(subnet: Subnet, pool: Pool) -> Iterator[Range]:
    """What is left of the subnet for a pool whose addresses the configuration gives to nobody: what no
    other pool has."""
    network = subnet.network
    if not isinstance(network, IPv4Network):
        return
    low, last = int(network.network_address), int(network.broadcast_address)
    others = (one for other in subnet.pools if other is not pool for one in other.ranges)
    for one in sorted((one for one in others if one.low.version == 4), key=Range.order):
        if low < int(one.low) <= last:
            yield Range(IPv4Address(low), IPv4Address(int(one.low) - 1))
        low = max(low, int(one.high) + 1)
    if low <= last:
        yield Range(IPv4Address(low), IPv4Address(last))


def _prefixlen(one: _Given) -> int:
    return 32 if one.pool.external_manager == _HOSTS_ONLY else one.subnet.prefixlen


class _Way(NamedTuple):
    """A way to a destination, before it is known which of several is taken first."""

    destination: IPv4Network
    gateway: IPv4Address
    nic: str


def _ways(one: _Given, nics: Mapping[str, str]) -> Iterator[_Way]:
    """The ways that follow an address: to everywhere by its subnet's gateway, and the static routes."""
    gateway = one.subnet.gateway
    routes = [StaticRoute(_DEFAULT.network_address, 0, gateway)] if gateway is not None else []
    for route in (*routes, *one.pool.static_routes):
        if (
            isinstance(route.subnet, IPv4Address)
            and isinstance(route.gateway, IPv4Address)
            and not _why_no_route(route)
        ):
            network = IPv4Network((route.subnet, route.prefixlen))
            yield _Way(network, route.gateway, nics[one.interface])


def _why_no_route(route: StaticRoute) -> str | None:
    if route.subnet.version != 4 or route.gateway.version != 4:
        return "IPv6 is not there yet"
    return why_no_destination(route.subnet, route.prefixlen)


def _metrics(placed: Iterable[_Given], nics: Mapping[str, str]) -> dict[_Way, int]:
    """The metric of each way: its subnet's gateway priority, the lowest first.

    Of ways to one destination whose subnets have the same priority, the one of the earlier subnet comes
    first, then by the NICs' names: the next has one more, since the kernel wants them different.
    """
    ordered: dict[IPv4Network, dict[_Way, tuple[int, int, str]]] = {}
    for one in placed:
        for way in _ways(one, nics):
            rank = (one.subnet.gateway_priority, one.order, way.nic)
            ways = ordered.setdefault(way.destination, {})
            ways[way] = min(rank, ways.get(way, rank))
    metrics: dict[_Way, int] = {}
    for ways in ordered.values():
        last = -1
        for way in sorted(ways, key=lambda way: (ways[way], way.gateway)):
            last = metrics[way] = max(ways[way][0], last + 1)
    return metrics


def _wanted_address(
    one: _Given, nics: Mapping[str, str], metrics: Mapping[_Way, int], sbr: bool
) -> WantedAddress:
    nic, address = nics[one.interface], IPv4Interface((one.address, _prefixlen(one)))
    ways = list(dict.fromkeys(_ways(one, nics)))
    routes = [Route(way.destination, way.gateway, nic, metrics[way]) for way in ways]
    rule = Rule(one.address) if sbr else None
    if rule is not None:
        if address.network.prefixlen < 32:
            routes.append(Route(address.network, None, nic, 0, rule.table))
        routes += [route._replace(table=rule.table) for route in routes if route.table == MAIN]
    probed = one.pool.external_manager not in CLOUDS
    return WantedAddress(one.interface, nic, address, one.pool_id, probed, tuple(dict.fromkeys(routes)), rule)


# What is there.


@dataclass(frozen=True, slots=True)
class Link:
    """A NIC: whether it is set up, what MTU it has and can have (0: it does not say), its MAC, whether
    secondary addresses outlive their primary one, and whether the other end of its cable is alive."""

    nic: str
    up: bool
    mtu: int
    least_mtu: int = 0
    most_mtu: int = 0
    mac: str = ""
    promotes: bool = False
    carrier: bool = True


class PresentAddress(NamedTuple):
    """An address that a NIC has; `marked` with our protocol number."""

    nic: str
    address: IPv4Interface
    marked: bool = False
    secondary: bool = False


class PresentRoute(NamedTuple):
    """A route that is there; `marked` with our protocol number."""

    route: Route
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Present:
    """What a machine has.  `marks` says whether its kernel keeps the protocol numbers of addresses."""

    links: Mapping[str, Link] = field(default_factory=dict)
    addresses: tuple[PresentAddress, ...] = ()
    routes: tuple[PresentRoute, ...] = ()
    rules: frozenset[Rule] = frozenset()
    marks: bool = True


class AppliedAddress(NamedTuple):
    """An address that we put on a NIC: which revision said so, since when (seconds since the epoch), and the
    LNN that the node had then; 0 where that is not known."""

    nic: str
    address: IPv4Interface
    revision: int
    since: int
    lnn: int = 0


@dataclass(frozen=True, slots=True)
class Applied:
    """What was applied: the newest revision that was in full, when anything was last done (seconds since the
    epoch), and what could not be.

    `duplicates` are addresses that somebody else uses, with that one's MAC.
    """

    revision: int = 0
    when: int = 0
    addresses: tuple[AppliedAddress, ...] = ()
    duplicates: tuple[tuple[IPv4Address, str], ...] = ()
    findings: tuple[Finding, ...] = ()


# From there to what should be.


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in their order, what a person should know, and which of the addresses to be added the
    network has to be asked about first.

    `ours` are the addresses that are there and ours; None where nothing was compared.
    """

    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()
    to_probe: tuple[WantedAddress, ...] = ()
    ours: frozenset[AddressKey] | None = None


def plan(
    wanted: Wanted,
    present: Present,
    applied: Applied,
    waiting: Iterable[IPv4Address] = (),
    refused: Mapping[IPv4Address, str] = MappingProxyType({}),
    state_file: str = "the file of what was applied",
) -> Plan:
    """How a machine that has `present` comes to what is `wanted`; `applied` is what was written down, in
    `state_file`.

    Addresses in `waiting` are being asked for on the network: meanwhile their NICs get and lose none.
    Those in `refused` somebody else there uses, whose MAC is given: they are not added.
    An older revision than the one that was applied, or none at all, changes nothing, and neither does one
    of before the upgrade.
    """
    if not wanted.revision or not wanted.committed:
        return Plan()
    if wanted.revision < applied.revision:
        what = f"revision {wanted.revision} is older than the applied one, {applied.revision}"
        todo = f"is this the right shared file system?  If it is, remove {state_file}"
        return Plan(findings=(_finding("configuration", "revision_older", what, todo),))
    return _Comparison(wanted, present, applied, frozenset(waiting), refused).plan()


def our_addresses(wanted: Wanted, present: Present, applied: Applied) -> frozenset[AddressKey]:
    """The addresses that are there and ours, whichever revision put them there."""
    owned = {(one.nic, one.address) for one in applied.addresses}
    managed = wanted.nics | {nic for nic, _ in owned}
    return frozenset(
        one[:2]
        for one in present.addresses
        if one.nic in managed and (one.marked or (not present.marks and one[:2] in owned))
    )


class _Comparison:
    """One comparison; its parts are made in the order in which they need each other."""

    def __init__(
        self,
        wanted: Wanted,
        present: Present,
        applied: Applied,
        waiting: frozenset[IPv4Address],
        refused: Mapping[IPv4Address, str],
    ) -> None:
        self.wanted, self.present = wanted, present
        self.waiting, self.refused = waiting, refused
        self.findings = list(wanted.findings)
        self.owned = {(one.nic, one.address): one for one in applied.addresses}
        self.managed = wanted.nics | {one.nic for one in applied.addresses}
        self.ours = our_addresses(wanted, present, applied)
        self.to_probe: list[WantedAddress] = []
        # A NIC that waits for an address gives none away, nor what follows it; and it gets no other one
        # meanwhile, so that the first of the configuration becomes its primary one.
        self.resting = {one.nic for one in wanted.addresses if one.address.ip in waiting}
        self.kept: set[AddressKey] = set()  # what stays on a NIC though nothing wants it there

    def plan(self) -> Plan:
        standing = self._standing()
        adding = [one for one in standing if not self._is_there(one)]
        links = list(self._links(adding))
        removing = list(self._removing(standing))
        up = {link.nic for link in self.present.links.values() if link.up}
        up |= {step.nic for step in links if isinstance(step, SetUp)}
        reachable = [one for one in standing if one.nic in up]
        new_routes, old_routes = self._routes(reachable)
        new_rules, old_rules = self._rules(reachable)
        for one in self.wanted.addresses:
            if one in standing and one.nic not in up:
                what, todo = "is set down: it serves nobody", f"ip link set dev {one.nic} up"
                self.findings.append(_finding(f"NIC {one.nic}", "link_down", what, todo))
        steps: list[Step] = [
            *links,
            *(AddAddress(one.nic, one.address) for one in adding),
            *new_routes,
            *new_rules,
            *old_rules,
            *old_routes,
            *self._promotions(removing),
            *(DeleteAddress(one.nic, one.address) for one in removing),
        ]
        return Plan(tuple(steps), tuple(dict.fromkeys(self.findings)), tuple(self.to_probe), self.ours)

    # Whose an address is.

    def _is_there(self, one: WantedAddress) -> bool:
        """Whether the NIC has the address: as we put it, or as somebody else did, of whatever prefix."""
        return any(
            other.address.ip == one.address.ip
            and other.nic == one.nic
            and (other.address == one.address or other[:2] not in self.ours)
            for other in self.present.addresses
        )

    def _standing(self) -> list[WantedAddress]:
        """The wanted addresses that are there or can be added now."""
        found = []
        for one in self.wanted.addresses:
            place = f"NIC {one.nic}"
            holders = [other for other in self.present.addresses if other.address.ip == one.address.ip]
            foreign = [other for other in holders if other[:2] not in self.ours]
            here = [other for other in foreign if other.nic == one.nic]
            if one.nic not in self.present.links:
                what = f"is not there; {one.address.ip} of {one.pool} belongs on it"
                todo = f"correct {one.interface} in [interfaces] of isi_net.toml"
                self.findings.append(_finding(place, "nic_missing", what, todo, "error"))
                continue
            is_here = any(other.nic == one.nic for other in holders)
            if one.address.ip in self.refused and (is_here or not holders):
                self.findings.append(_duplicate(one, self.refused[one.address.ip], is_here))
                if not is_here:
                    continue
            elif here and not any(other[:2] in self.ours and other.nic == one.nic for other in holders):
                what = f"{one.address.ip} was put there by somebody else; it serves, and is left alone"
                self.findings.append(_finding(place, "foreign_address", what, "", "info"))
            elif foreign and not here:
                what = f"{one.address.ip} belongs here, but somebody else put it on {foreign[0].nic}"
                todo = f"ip address delete {foreign[0].address} dev {foreign[0].nic}"
                self.findings.append(_finding(place, "foreign_address", what, todo, "warning"))
                continue
            if not holders:
                if one.probed:
                    self.to_probe.append(one)
                if one.nic in self.resting:
                    continue
            found.append(one)
        return found

    def _removing(self, standing: list[WantedAddress]) -> list[PresentAddress]:
        """Our addresses that are not to stay, secondary ones first.  What is kept keeps its routes."""
        stand = {(one.nic, one.address) for one in standing}
        moved = {one.address.ip for one in standing}
        found = []
        for one in self.present.addresses:
            if one[:2] not in self.ours:
                self._report_foreign(one)
            elif one[:2] in stand:
                continue
            elif one.address.ip in moved:
                found.append(one)  # to another NIC, or prefix
            elif self.wanted.spares(one.address.ip):
                self.kept.add(one[:2])
            elif (finding := self._of_our_former_lnn(one)) is not None:
                self.kept.add(one[:2])
                self.findings.append(finding)
            elif one[:2] in self.owned and self.wanted.revision <= self.owned[one[:2]].revision:
                self.kept.add(one[:2])
                what = f"{one.address.ip} stays until a newer revision gives it to nobody here"
                self.findings.append(_finding(f"NIC {one.nic}", "address_kept", what, "", "info"))
            else:
                found.append(one)
        removing = [one for one in found if one.nic not in self.resting]
        return sorted(removing, key=lambda one: not one.secondary)

    def _of_our_former_lnn(self, one: PresentAddress) -> Finding | None:
        """Why an address stays that is given by hand to the LNN that this node had when it was put there."""
        was = self.owned.get(one[:2])
        given = self.wanted.of_other_lnns.get(one.address.ip)
        if was is None or given is None or given[1].lnn != was.lnn:
            return None
        pool_id, iface = given
        what = (
            f"{one.address.ip} stays, which {pool_id} gives to {iface}: this node's LNN is {self.wanted.lnn} "
        )
        what += f"now, and was {was.lnn}"
        todo = "correct lnn in isi_net.toml; if it is right, give the pool this node's interface instead: "
        mine = iface._replace(lnn=self.wanted.lnn)
        todo += f"isi_net pools modify {pool_id} --remove-ifaces {iface} --add-ifaces {mine}"
        return _finding(f"NIC {one.nic}", "address_kept", what, todo)

    def _report_foreign(self, one: PresentAddress) -> None:
        if one.nic in self.wanted.nics and not self.wanted.spares(one.address.ip):
            what = f"{one.address} is not of the configuration: somebody else put it there"
            self.findings.append(_finding(f"NIC {one.nic}", "foreign_address", what, "", "info"))

    # Everything that goes with the addresses.

    def _links(self, adding: list[WantedAddress]) -> Iterator[Step]:
        """Sets up NICs that get an address.  One that was set down later stays down: somebody did that."""
        waiting = [one for one in self.wanted.addresses if one.address.ip in self.waiting]
        for nic in sorted({one.nic for one in (*adding, *waiting)} & self.present.links.keys()):
            if not self.present.links[nic].up:
                yield SetUp(nic)
        for nic, mtu in sorted(self.wanted.mtus.items()):
            link = self.present.links.get(nic)
            if link is None or link.mtu == mtu:
                continue
            if (link.least_mtu and mtu < link.least_mtu) or (link.most_mtu and mtu > link.most_mtu):
                what = f"its MTU stays {link.mtu}: it can have {link.least_mtu} to {link.most_mtu}, not {mtu}"
                todo = "give the subnet another: isi_net subnets modify ID --mtu"
                self.findings.append(_finding(f"NIC {nic}", "mtu_refused", what, todo))
            else:
                yield SetMtu(nic, mtu)

    def _promotions(self, removing: list[PresentAddress]) -> Iterator[Promote]:
        """Where an address that stays would go with the primary one of its network."""
        gone = {one[:2] for one in removing}
        for nic in sorted({one.nic for one in removing if not one.secondary}):
            networks = {one.address.network for one in removing if one.nic == nic and not one.secondary}
            staying = [one for one in self.present.addresses if one.nic == nic and one[:2] not in gone]
            new = [one.address for one in self.wanted.addresses if one.nic == nic]
            beside = {one.address.network for one in staying} | {one.network for one in new}
            link = self.present.links.get(nic)
            if networks & beside and link is not None and not link.promotes:
                yield Promote(nic)

    def _routes_of(self, one: WantedAddress) -> Iterator[Route]:
        """Its routes; a gateway outside of the prefix is on the link all the same (Google Cloud)."""
        address = one.address
        if self._is_there(one) and (one.nic, address) not in {other[:2] for other in self.present.addresses}:
            # Somebody else put it there, with a prefix of his own.
            foreign = (
                other.address
                for other in self.present.addresses
                if (other.nic, other.address.ip) == (one.nic, address.ip) and other[:2] not in self.ours
            )
            address = min(foreign, key=lambda other: other.network.prefixlen)
        for route in one.routes:
            yield route._replace(onlink=route.gateway is not None and route.gateway not in address.network)

    def _routes(self, standing: list[WantedAddress]) -> tuple[list[Step], list[DeleteRoute]]:
        # Of two addresses that share a route, one may have its gateway inside of its prefix, and one not.
        by_key: dict[tuple[int, IPv4Network, int], Route] = {}
        for route in (route for one in standing for route in self._routes_of(one)):
            if by_key.setdefault(route.key, route).onlink:
                by_key[route.key] = route
        should = list(by_key.values())
        keys = {route.key for route in should}
        mine: dict[tuple[int, IPv4Network, int], list[Route]] = {}
        foreign: dict[tuple[int, IPv4Network, int], list[Route]] = {}
        for route, marked in self.present.routes:
            kind = mine if marked and route.nic in self.managed else foreign
            kind.setdefault(route.key, []).append(route)
        new: list[Step] = []
        for route in sorted(should, key=lambda one: one.gateway is not None):
            if route in mine.get(route.key, ()):
                continue
            if others := foreign.get(route.key):
                if all((one.gateway, one.nic) != (route.gateway, route.nic) for one in others):
                    self.findings.append(_foreign_route(route, others[0]))
            elif route.key in mine:
                new.append(ReplaceRoute(route.nic, route))
            else:
                new.append(AddRoute(route.nic, route))
        replaced = {step.route.key for step in new if isinstance(step, ReplaceRoute)}
        old = [
            DeleteRoute(route.nic, route)
            for key, routes in mine.items()
            for route in routes
            if route not in should and key not in replaced and not self._stays(route)
        ]
        for key, routes in foreign.items():
            for route in routes:
                if route.destination == _DEFAULT and route.nic in self.wanted.nics and key not in keys:
                    what = f"a default route via {route.gateway or 'its link'}, metric {route.metric}, "
                    what += "was put there by somebody else"
                    self.findings.append(_finding(f"NIC {route.nic}", "foreign_route", what, "", "info"))
        return new, old

    def _rules(self, standing: list[WantedAddress]) -> tuple[list[AddRule], list[DeleteRule]]:
        should = {one.rule: one.nic for one in standing if one.rule is not None}
        kept = {address.ip for _, address in self.kept}
        nics = {one.address.ip: one.nic for one in self.present.addresses if one.nic in self.managed}
        nics |= {address.ip: nic for nic, address in self.owned}
        nics |= {one.address.ip: one.nic for one in self.wanted.addresses}
        new = [AddRule(nic, rule) for rule, nic in should.items() if rule not in self.present.rules]
        old = [
            DeleteRule(nics[rule.source], rule)
            for rule in sorted(self.present.rules)
            if rule not in should
            and rule.source in nics
            and nics[rule.source] not in self.resting
            and rule.source not in kept
        ]
        return new, old

    def _stays(self, route: Route) -> bool:
        """Whether a route that nothing wants serves an address that waits for another, or is kept."""
        if route.nic in self.resting:
            return True
        kept = [address for nic, address in self.kept if nic == route.nic]
        if route.table != MAIN:
            return any(route.table == Rule(address.ip).table for address in kept)
        return any(
            route.gateway is None or route.onlink or route.gateway in address.network for address in kept
        )


def _duplicate(one: WantedAddress, mac: str, is_here: bool) -> Finding:
    how = "was put there by somebody" if is_here else "is not put there"
    what = f"{one.address.ip} {how}: {mac} uses it {'too' if is_here else 'already'}"
    todo = "find that machine, and take the address from it, or have this node leased another"
    return _finding(f"NIC {one.nic}", "address_duplicate", what, todo, "error")


def _foreign_route(route: Route, other: Route) -> Finding:
    where = f"via {other.gateway}" if other.gateway else "on its link"
    what = f"the route to {route.destination} {where} dev {other.nic}, metric {other.metric}, "
    what += f"was put there by somebody else: ours via {route.gateway} is not"
    todo = f"take it away, or give the subnet another gateway priority than {route.metric}"
    return _finding(f"NIC {route.nic}", "foreign_route", what, todo, "warning")


def _finding(
    place: object, code: str, message: str, action: str = "", severity: Severity = "warning"
) -> Finding:
    return Finding(str(place), code, severity, message, action)
