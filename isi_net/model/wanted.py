"""What one node's NICs should have by the published configuration: addresses, and the routes with them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import NamedTuple

from isi_net.model.addresses import why_no_destination
from isi_net.model.finding import Finding
from isi_net.model.names import PoolId
from isi_net.model.network import CLOUDS, Configuration, Iface, Node, Pool, Range, StaticRoute, Subnet
from isi_net.model.static import no_address
from isi_net.model.steps import DEFAULT, MAIN, Route, Rule

# Google Cloud leases /32s: a neighbour in the subnet does not answer ARP, only the gateway does.
_HOSTS_ONLY = "GCP"


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
            findings.append(Finding(f"node {node.devid} {one.interface}", "nic_unknown", "error", what, todo))
    for pool_id, route in dict.fromkeys(
        (one.pool_id, route) for one in placed for route in one.pool.static_routes
    ):
        if why := _why_no_route(route):
            what = f"its static route {route} is not put on this node's interfaces: {why}"
            todo = f"isi_net pools modify {pool_id} --static-routes=ROUTE,..."
            findings.append(Finding(str(pool_id), "route_not_applied", "warning", what, todo))
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
                findings.append(
                    Finding(str(pool_id), "pool_not_applied", "warning", what, "put them there by hand")
                )
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
    routes = [StaticRoute(DEFAULT.network_address, 0, gateway)] if gateway is not None else []
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
