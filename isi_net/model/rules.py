"""The rules that refuse: why a pool takes no part in merging, and why a leased address is not taken in.

Whoever asks "why was my address refused?" reads the answer from `_refusals`, rule by rule.  Who holds
an address among those that may is `merge.py`'s business.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Generic, NamedTuple, TypeVar

from isi_net.model.addresses import IPNetwork, hosts_in, why_nobodys, why_not_a_host
from isi_net.model.finding import Finding
from isi_net.model.lease import Lease
from isi_net.model.names import DEFAULT_GROUPNET, PoolId, SubnetId
from isi_net.model.network import CLOUDS, ON_PREMISES, ClusterSettings, Configuration, Place, Pool, Subnet

AZURE = "Azure"
AZURE_SUBNET = SubnetId(DEFAULT_GROUPNET, "subnet0")

COMMIT = "when every node runs this release: isi_net upgrade commit"
NOT_COMMITTED = Finding(
    "cluster",
    "not_committed",
    "warning",
    "the upgrade is not committed: leases are reported, and nothing is made of them",
    COMMIT,
)

_Whose = TypeVar("_Whose")


class Claim(NamedTuple):
    """One interface's word for an address: a lease in a node's report.

    What is looked up by address goes by its `number`: an IPv4Address hashes and compares in Python, which
    was a third of the time that ten thousand claims took.
    """

    place: Place
    number: int
    lease: Lease
    manager: str

    @classmethod
    def of(cls, devid: int, lease: Lease, manager: str) -> "Claim":
        return cls((devid, lease.interface), int(lease.address), lease, manager)

    def finding(self, code: str, message: str, action: str) -> Finding:
        """A finding about this claim; it names the node, the interface and the address."""
        words = f"{self.lease.address} {message}"
        return Finding(interface_place(*self.place), code, "error", words, action)


def interface_place(devid: int, interface: str) -> str:
    """How findings name an interface: `node 3 ext-1`."""
    return f"node {devid} {interface}"


class Spans(Generic[_Whose]):
    """Spans of IPv4 addresses, and whose each of them is; they may overlap."""

    def __init__(self, spans: Iterable[tuple[int, int, _Whose]]) -> None:
        self._spans = sorted(spans, key=lambda one: one[:2])
        self._lows = [low for low, _, _ in self._spans]
        # The highest end of any span up to here: where it lies below an address, no earlier one holds it.
        self._reach = list(accumulate((high for _, high, _ in self._spans), max))

    def of(self, number: int) -> list[_Whose]:
        """Whose the address of that number is."""
        found = []
        index = bisect_right(self._lows, number) - 1
        while index >= 0 and self._reach[index] >= number:
            _, high, whose = self._spans[index]
            if high >= number:
                found.append(whose)
            index -= 1
        return found

    def first_within(self, network: IPNetwork) -> _Whose | None:
        """Whose span is the first to begin in `network`; None when none begins there."""
        index = bisect_left(self._lows, int(network.network_address))
        if index < len(self._lows) and self._lows[index] <= int(network.broadcast_address):
            return self._spans[index][2]
        return None


class Owner(NamedTuple):
    """What owns a span of addresses, by hand or by service: a pool or None, and what findings call it."""

    pool: PoolId | None
    name: str


def owners_in(configuration: Configuration) -> Spans[Owner]:
    """The addresses that are spoken for: SmartConnect's, and the ranges that people gave to pools."""
    return Spans(_owners(configuration))


def _owners(configuration: Configuration) -> Iterator[tuple[int, int, Owner]]:
    for pool_id, pool in configuration.pools():
        for given in pool.addresses:
            if given.address.version == 4:
                address = int(given.address)
                yield address, address, Owner(None, f"given by hand to {given.iface} in {pool_id}")
    for subnet_id, subnet in configuration.subnets():
        for one in subnet.sc_service_addrs:
            if one.low.version == 4:
                owner = Owner(None, f"a SmartConnect service address of {subnet_id}")
                yield int(one.low), int(one.high), owner
    for pool_id, pool in configuration.pools():
        for one in pool.manual_ranges:
            if one.low.version == 4:
                yield int(one.low), int(one.high), Owner(pool_id, f"in the range {one} of pool {pool_id}")


def subnets_in(configuration: Configuration) -> Spans[tuple[int, SubnetId]]:
    """The IPv4 subnets whose addresses are known, each with its place in the configuration's order."""
    return Spans(
        (int(network.network_address), int(network.broadcast_address), (order, subnet_id))
        for order, (subnet_id, subnet) in enumerate(configuration.subnets())
        if (network := subnet.network) is not None and network.version == 4
    )


def why_unfit(subnet_id: SubnetId, subnet: Subnet, pool: Pool) -> tuple[str, str] | None:
    """Which setting keeps an externally managed pool out of merging, and what to set; None when it is fit.

    The cloud's networks carry none of these (OneFS 9.7, "externally managed network pools": IPv4 only,
    no VLANs, no link aggregation, no NFSoRDMA; on Azure all pools are in groupnet0.subnet0).
    """
    return next(_unfit(subnet_id, subnet, pool), None)


def _unfit(subnet_id: SubnetId, subnet: Subnet, pool: Pool) -> Iterator[tuple[str, str]]:
    if subnet.addr_family != "ipv4":
        yield "its subnet is not IPv4", "external managers lease IPv4 only"
    if subnet.vlan_enabled:
        yield "its subnet has a VLAN", "set --vlan-enabled=false on the subnet"
    if subnet.network is None:
        yield "nothing tells the addresses of its subnet", "set --gateway on the subnet"
    if pool.aggregation_mode != "none":
        yield f"its aggregation_mode is {pool.aggregation_mode}", "set --aggregation-mode=none on the pool"
    if pool.nfsv3_rroce_only:
        yield "it is for NFSoRDMA only", "set --nfsv3-rroce-only=false on the pool"
    if pool.external_manager == AZURE and subnet_id != AZURE_SUBNET:
        yield f"on Azure all pools are in {AZURE_SUBNET}", f"name its subnet {AZURE_SUBNET.subnet}"


def why_not_in_a_cloud(claim: Claim, settings: ClusterSettings) -> Finding | None:
    """Why `claim` counts for nothing in this cluster: its manager is no cloud; None when it counts.

    Externally managed pools are for clouds, which tie an address to its interface for life; the
    administrator can have leases of servers on the premises count as well.
    """
    if claim.manager in CLOUDS or (claim.manager == ON_PREMISES and settings.on_premises_dhcp):
        return None
    if claim.manager == ON_PREMISES:
        what = "is leased on the premises, and not in a cloud: it is not used"
        todo = "have such leases count: isi_net settings modify --on-premises-dhcp=true"
    else:
        what = (
            f"is leased by {claim.manager or 'nobody knows whom'}, and not by a known cloud: it is not used"
        )
        todo = "see isi_net cloud view there, and set [dhcp] manager in isi_net.toml"
    place = interface_place(*claim.place)
    return Finding(place, "not_in_a_cloud", "warning", f"{claim.lease.address} {what}", todo)


def why_refused(
    claim: Claim, subnet_id: SubnetId, subnet: Subnet, pool_id: PoolId, owners: Spans[Owner]
) -> Finding | None:
    """The first rule that keeps `claim` out of the pool `pool_id`; None when it may come in.

    Whoever is refused keeps the last good address of its interface.
    """
    return Judge(subnet_id, subnet, pool_id, owners).why_refused(claim)


class Judge:
    """`why_refused` for many claims of one pool: what they have in common is worked out once."""

    def __init__(self, subnet_id: SubnetId, subnet: Subnet, pool_id: PoolId, owners: Spans[Owner]) -> None:
        self._subnet_id, self._subnet, self._pool_id, self._owners = subnet_id, subnet, pool_id, owners
        self._network = subnet.network
        self._hosts = hosts_in(self._network)

    def why_refused(self, claim: Claim) -> Finding | None:
        return next(self._refusals(claim), None)

    def _refusals(self, claim: Claim) -> Iterator[Finding]:
        lease, subnet, subnet_id = claim.lease, self._subnet, self._subnet_id

        if claim.number not in self._hosts:
            if why := why_nobodys(lease.address):
                yield claim.finding("address_nobodys", f"is {why}", _ASK_SERVER)
            if self._network is not None and (why := why_not_a_host(lease.address, self._network)):
                yield claim.finding("address_not_a_host", f"is {why}", _ASK_SERVER)

        if lease.address == subnet.gateway:
            yield claim.finding("address_gateway", f"is the gateway of {subnet_id}", _ASK_SERVER)
        elif lease.address == lease.gateway:
            yield claim.finding("address_gateway", "is the router that the lease itself names", _ASK_SERVER)

        for owner in self._owners.of(claim.number):
            if owner.pool is None:
                yield claim.finding("address_service", f"is {owner.name}", _ASK_SERVER)
            elif owner.pool != self._pool_id:
                yield claim.finding(
                    "oversubscribed",
                    f"is {owner.name}",
                    "take it out of that range, or have another one leased",
                )

        if subnet.dhcp_servers and lease.server not in subnet.dhcp_servers:
            trusted = ", ".join(map(str, subnet.dhcp_servers))
            trust = f"isi_net subnets modify {subnet_id} --add-dhcp-servers={lease.server}"
            yield claim.finding(
                "server_not_trusted",
                f"comes from DHCP server {lease.server or '(no name given)'}; {subnet_id} trusts {trusted}",
                _NAME_SERVER if lease.server is None else f"if that is yours: {trust}",
            )

        # A /31 or /32 is a provider's way to say "send everything to the router" (GCP), not another subnet.
        if lease.prefixlen is not None and lease.prefixlen < 31 and lease.prefixlen != subnet.prefixlen:
            yield claim.finding(
                "subnet_contradicted",
                f"comes with a /{lease.prefixlen}; {subnet_id} is a /{subnet.prefixlen}",
                _CORRECT_ONE,
            )

        if lease.gateway is not None and subnet.gateway is not None and lease.gateway != subnet.gateway:
            yield claim.finding(
                "router_contradicted",
                f"comes with the router {lease.gateway}; the gateway of {subnet_id} is {subnet.gateway}",
                _CORRECT_ONE,
            )


_CORRECT_ONE = "correct the DHCP server, or the subnet by hand: a lease never changes it"
_NAME_SERVER = "have the DHCP server name itself in its leases (option 54)"
_ASK_SERVER = "look at what the DHCP server leases; the interface's last good address stands"
