"""The cluster's network as one value: groupnets hold subnets, subnets hold pools, pools hold addresses.

Field names and spellings are OneFS 9.7's (its published API), so that a script which knows the one
knows the other.  Numbers are what files are named after; they are given once and never reused, which
is why every parent remembers the next one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Literal, NamedTuple, TypeVar

from isi_net.errors import NotFound
from isi_net.model.addresses import IPAddress, IPNetwork, network_of
from isi_net.model.names import GroupnetId, PoolId, SubnetId

AddrFamily = Literal["ipv4", "ipv6"]
AllocMethod = Literal["dynamic", "static", "externally_managed"]
AggregationMode = Literal["roundrobin", "failover", "lacp", "loadbalance", "none"]
RebalancePolicy = Literal["auto", "manual"]
Balancing = Literal["round_robin", "conn_count", "throughput", "cpu_usage"]

EXTERNALLY_MANAGED: AllocMethod = "externally_managed"
CLOUDS = frozenset({"AWS", "Azure", "GCP", "OCI"})
ON_PREMISES = "DHCP"
AUTO = "auto"  # who or what is not named, and is found out on the node: `[dhcp]` of isi_net.toml

RELEASE = "9.7.0.0"  # the one that brought externally managed pools, and what a new cluster begins with
_FIRST = (9, 7)

Place = tuple[int, str]  # an interface, by its node's devid and its own name
PoolNumbers = tuple[int, int, int]  # a groupnet's, its subnet's, its pool's

MIN_MTU, MAX_MTU, DEFAULT_MTU = 576, 9000, 1500
MAX_DESCRIPTION = 128
MIN_PRIORITY, MAX_PRIORITY = 1, 2**31 - 1  # of a subnet's gateway; the metric of its routes


class Range(NamedTuple):
    """Addresses from `low` to `high`, both included."""

    low: IPAddress
    high: IPAddress

    def __str__(self) -> str:
        return f"{self.low}-{self.high}"

    def order(self) -> tuple[int, int, int]:
        """What ranges are sorted by: IPv4 before IPv6, then by their addresses."""
        return self.low.version, int(self.low), int(self.high)

    def holds(self, address: IPAddress) -> bool:
        return self.low.version == address.version and int(self.low) <= int(address) <= int(self.high)


class Iface(NamedTuple):
    """An interface of a node, by the numbers that people type: `3:ext-1`."""

    lnn: int
    name: str

    def __str__(self) -> str:
        return f"{self.lnn}:{self.name}"


class GivenAddress(NamedTuple):
    """The address that an interface in a pool by hand has: one, and always the same."""

    iface: Iface
    address: IPAddress

    def __str__(self) -> str:
        return f"{self.iface} has {self.address}"


class StaticRoute(NamedTuple):
    """A route of a pool's members: `10.2.0.0/16-10.1.1.1`."""

    subnet: IPAddress
    prefixlen: int
    gateway: IPAddress

    def __str__(self) -> str:
        return f"{self.subnet}/{self.prefixlen}-{self.gateway}"


class Assignment(NamedTuple):
    """An address that an external manager leased to one interface, and the server that said so."""

    address: IPv4Address
    devid: int
    interface: str
    server: IPv4Address | None

    @property
    def place(self) -> Place:
        """The interface that holds the address: devid and name."""
        return self.devid, self.interface


class Node(NamedTuple):
    """A node as the configuration knows it: what people call the devid of an assignment."""

    devid: int
    lnn: int
    name: str


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool of addresses.  `number` is the id in file names.

    `manual_ranges` and `manual_ifaces` were made by people; `addresses` says which address out of the one
    each of the other was given (`model/static.py`).  An externally managed pool has its `assignments`
    besides, which only the merger makes.
    """

    number: int
    name: str
    alloc_method: AllocMethod = "static"
    external_manager: str = ""
    description: str = ""
    access_zone: str = "System"
    aggregation_mode: AggregationMode = "roundrobin"
    manual_ranges: tuple[Range, ...] = ()
    manual_ifaces: tuple[Iface, ...] = ()
    addresses: tuple[GivenAddress, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    static_routes: tuple[StaticRoute, ...] = ()
    rules: tuple[str, ...] = ()
    firewall_policy: str = "default_pools_policy"
    rebalance_policy: RebalancePolicy = "auto"
    sc_connect_policy: Balancing = "round_robin"
    sc_failover_policy: Balancing = "round_robin"
    sc_dns_zone: str = ""
    sc_dns_zone_aliases: tuple[str, ...] = ()
    sc_subnet: str = ""
    sc_suspended_nodes: tuple[int, ...] = ()
    sc_ttl: int = 0
    nfsv3_rroce_only: bool = False
    ipv6_perform_dad: bool = False

    @property
    def externally_managed(self) -> bool:
        return self.alloc_method == EXTERNALLY_MANAGED

    def ifaces(self, lnns: Mapping[int, int]) -> tuple[Iface, ...]:
        """All interfaces, sorted: those of the leased addresses, and those added by hand.

        `lnns` gives each devid's LNN.
        """
        leased = {Iface(lnns[one.devid], one.interface) for one in self.assignments if one.devid in lnns}
        return tuple(sorted(leased.union(self.manual_ifaces)))

    @property
    def ranges(self) -> tuple[Range, ...]:
        """All ranges in the order of their addresses: those made by hand, and one for each leased address
        that none of them holds.
        """
        manual = sorted(self.manual_ranges, key=Range.order)
        if not self.assignments:
            return tuple(manual)
        # In the order of addresses, since there may be many of both: how far what began so far reaches.
        upcoming = [one for one in reversed(manual) if one.low.version == 4]
        reached = -1
        leased = []
        for address in sorted((one.address for one in self.assignments), key=int):
            while upcoming and int(upcoming[-1].low) <= int(address):
                reached = max(reached, int(upcoming.pop().high))
            if reached < int(address):
                leased.append(Range(address, address))
        return tuple(sorted((*leased, *manual), key=Range.order))


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet.  `base_addr` is its network address, None until something tells it.

    `dhcp_servers` are the servers that an externally managed pool here believes; empty means that the
    first one to give an address is pinned.
    """

    number: int
    name: str
    addr_family: AddrFamily
    prefixlen: int
    base_addr: IPAddress | None = None
    gateway: IPAddress | None = None
    gateway_priority: int = 1
    mtu: int = DEFAULT_MTU
    vlan_enabled: bool = False
    vlan_id: int | None = None
    description: str = ""
    sc_service_addrs: tuple[Range, ...] = ()
    sc_service_name: str = ""
    dhcp_servers: tuple[IPv4Address, ...] = ()
    pools: tuple[Pool, ...] = ()
    next_number: int = 1

    @property
    def network(self) -> IPNetwork | None:
        """The addresses of this subnet; None while nothing of its own family tells them."""
        first = next((one.low for pool in self.pools for one in pool.manual_ranges), None)
        known = self.base_addr or self.gateway or first
        if known is None or known.version != (4 if self.addr_family == "ipv4" else 6):
            return None
        return network_of(known, self.prefixlen)


@dataclass(frozen=True, slots=True)
class Groupnet:
    """A groupnet: subnets that share name resolution."""

    number: int
    name: str
    description: str = ""
    dns_servers: tuple[IPAddress, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    dns_cache_enabled: bool = True
    subnets: tuple[Subnet, ...] = ()
    next_number: int = 1


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """What holds for the whole cluster.

    `release` is the one whose features the cluster uses, empty where an earlier one wrote the configuration
    and `isi_net upgrade commit` has not been run.  `on_premises_dhcp` says whether leases count outside
    clouds, `sbr` whether nodes route by source address.
    """

    release: str = RELEASE
    on_premises_dhcp: bool = False
    sbr: bool = False

    @property
    def committed(self) -> bool:
        """Whether the cluster may have externally managed pools: release 9.7 or later."""
        numbers = self.release.split(".")
        return all(one.isdecimal() for one in numbers) and tuple(map(int, numbers)) >= _FIRST


EARLIER = ClusterSettings(release="")


@dataclass(frozen=True, slots=True)
class Configuration:
    """The whole network configuration, as one revision of it.

    `author` says who published it and `change` what it changed, in words for people; `published` is in
    seconds since the epoch.  The first one ever published is revision 1; 0 is the empty one before it.
    """

    revision: int = 0
    term: int = 0
    published: int = 0
    author: str = ""
    change: str = ""
    nodes: tuple[Node, ...] = ()
    groupnets: tuple[Groupnet, ...] = ()
    next_number: int = 1
    settings: ClusterSettings = ClusterSettings()

    def subnets(self) -> Iterator[tuple[SubnetId, Subnet]]:
        """Every subnet with its id, in the configuration's order."""
        for groupnet in self.groupnets:
            for subnet in groupnet.subnets:
                yield SubnetId(groupnet.name, subnet.name), subnet

    def pools(self) -> Iterator[tuple[PoolId, Pool]]:
        """Every pool with its id, in the configuration's order."""
        for (groupnet, name), subnet in self.subnets():
            for pool in subnet.pools:
                yield PoolId(groupnet, name, pool.name), pool

    def with_each_pool(self, change: Callable[[PoolNumbers, PoolId, Pool], Pool]) -> "Configuration":
        """With what `change` makes of each pool, by its numbers and id, in the configuration's order."""
        changed = iter([change(*one) for one in self.numbered_pools()])
        groupnets = []
        for groupnet in self.groupnets:
            subnets = tuple(
                replace(subnet, pools=tuple(next(changed) for _ in subnet.pools))
                for subnet in groupnet.subnets
            )
            groupnets.append(replace(groupnet, subnets=subnets))
        return replace(self, groupnets=tuple(groupnets))

    def groupnet(self, wanted: GroupnetId) -> Groupnet | None:
        return next((one for one in self.groupnets if one.name == wanted.groupnet), None)

    def subnet(self, wanted: SubnetId) -> Subnet | None:
        return next((subnet for one, subnet in self.subnets() if one == wanted), None)

    def pool(self, wanted: PoolId) -> Pool | None:
        return next((pool for one, pool in self.pools() if one == wanted), None)

    def lnns(self) -> dict[int, int]:
        """The LNN of each devid that holds an address."""
        return {node.devid: node.lnn for node in self.nodes}

    def existing_groupnet(self, wanted: GroupnetId) -> Groupnet:
        """That groupnet; NotFound when there is none."""
        if (found := self.groupnet(wanted)) is None:
            raise NotFound(f"there is no groupnet {wanted}", todo="see isi_net groupnets list")
        return found

    def existing_subnet(self, wanted: SubnetId) -> Subnet:
        """That subnet; NotFound when there is none."""
        if (found := self.subnet(wanted)) is None:
            raise NotFound(f"there is no subnet {wanted}", todo="see isi_net subnets list")
        return found

    def existing_pool(self, wanted: PoolId) -> Pool:
        """That pool; NotFound when there is none."""
        if (found := self.pool(wanted)) is None:
            raise NotFound(f"there is no pool {wanted}", todo="see isi_net pools list")
        return found

    def numbers(self, wanted: PoolId) -> PoolNumbers:
        """The numbers that the files of a pool are named after; NotFound when there is no such pool."""
        pool, subnet = self.existing_pool(wanted), self.existing_subnet(wanted.subnet_id)
        return self.existing_groupnet(GroupnetId(wanted.groupnet)).number, subnet.number, pool.number

    def numbered_pools(self) -> Iterator[tuple[PoolNumbers, PoolId, Pool]]:
        """Every pool by its numbers, in the configuration's order: a renamed one is still the same."""
        for groupnet in self.groupnets:
            for subnet in groupnet.subnets:
                for pool in subnet.pools:
                    numbers = groupnet.number, subnet.number, pool.number
                    yield numbers, PoolId(groupnet.name, subnet.name, pool.name), pool

    def same_network(self, other: "Configuration") -> bool:
        """Whether the two say the same of the network and its settings, whoever published them and when."""
        mine, theirs = ((one.settings, one.nodes, one.groupnets, one.next_number) for one in (self, other))
        return mine == theirs

    def with_groupnet(self, new: Groupnet) -> "Configuration":
        """With `new` in the place of the groupnet of its number, or as the last one."""
        return replace(
            self,
            groupnets=_put(self.groupnets, new),
            next_number=max(self.next_number, new.number + 1),
        )

    def with_subnet(self, where: GroupnetId, new: Subnet) -> "Configuration":
        """With `new` in the place of the subnet of its number in the groupnet `where`, or as its last one."""
        parent = self.existing_groupnet(where)
        number = max(parent.next_number, new.number + 1)
        return self.with_groupnet(replace(parent, subnets=_put(parent.subnets, new), next_number=number))

    def with_pool(self, where: SubnetId, new: Pool) -> "Configuration":
        """With `new` in the place of the pool of its number in the subnet `where`, or as its last one."""
        parent = self.existing_subnet(where)
        number = max(parent.next_number, new.number + 1)
        changed = replace(parent, pools=_put(parent.pools, new), next_number=number)
        return self.with_subnet(GroupnetId(where.groupnet), changed)

    def without_groupnet(self, wanted: GroupnetId) -> "Configuration":
        """Without that groupnet and all in it; NotFound when there is none."""
        self.existing_groupnet(wanted)
        return replace(self, groupnets=tuple(one for one in self.groupnets if one.name != wanted.groupnet))

    def without_subnet(self, wanted: SubnetId) -> "Configuration":
        """Without that subnet and all in it; NotFound when there is none."""
        subnet = self.existing_subnet(wanted)
        parent = self.existing_groupnet(GroupnetId(wanted.groupnet))
        kept = tuple(one for one in parent.subnets if one is not subnet)
        return self.with_groupnet(replace(parent, subnets=kept))

    def without_pool(self, wanted: PoolId) -> "Configuration":
        """Without that pool; NotFound when there is none."""
        pool = self.existing_pool(wanted)
        parent = self.existing_subnet(wanted.subnet_id)
        kept = tuple(one for one in parent.pools if one is not pool)
        return self.with_subnet(GroupnetId(wanted.groupnet), replace(parent, pools=kept))


_Part = TypeVar("_Part", Groupnet, Subnet, Pool)


def _put(parts: tuple[_Part, ...], new: _Part) -> tuple[_Part, ...]:
    """`parts` with `new` in the place of the one that has its number, or behind them all."""
    if any(one.number == new.number for one in parts):
        return tuple(new if one.number == new.number else one for one in parts)
    return parts + (new,)  # noqa: RUF005 - mypy cannot type the unpacking of a constrained TypeVar
