"""The rules that refuse: why a pool takes no part in merging, and why a leased address is not taken in.

Whoever asks "why was my address refused?" reads the answer from `_refusals`, rule by rule.  Who holds
an address among those that may is `merge.py`'s business.
"""

from bisect import bisect_right
from collections.abc import Iterator
from ipaddress import IPv4Address
from itertools import accumulate
from typing import NamedTuple

from isi_net.model.addresses import IPAddress, why_nobodys, why_not_a_host
from isi_net.model.finding import Finding
from isi_net.model.lease import Lease
from isi_net.model.names import PoolId, SubnetId
from isi_net.model.network import Configuration, Pool, Subnet


class Claim(NamedTuple):
    """One interface's word for an address: a lease in a node's report."""

    devid: int
    interface: str
    lease: Lease
    manager: str

    @property
    def place(self) -> tuple[int, str]:
        return self.devid, self.interface

    def finding(self, code: str, message: str, action: str) -> Finding:
        """A finding about this claim; it names the node, the interface and the address."""
        words = f"{self.lease.address} {message}"
        return Finding(interface_place(self.devid, self.interface), code, "error", words, action)


def interface_place(devid: int, interface: str) -> str:
    """How findings name an interface: `node 3 ext-1`."""
    return f"node {devid} {interface}"


class Owner(NamedTuple):
    """A range of addresses that something owns, and what findings call it."""

    low: int
    high: int
    pool: PoolId | None
    name: str


class Owners:
    """Who owns which IPv4 addresses by hand or by service, of a whole configuration; asked by address."""

    def __init__(self, configuration: Configuration) -> None:
        self._owners = sorted(_owners(configuration), key=lambda one: (one.low, one.high))
        self._lows = [one.low for one in self._owners]
        # The highest end of any range up to here: where it lies below an address, no earlier one holds it.
        self._reach = list(accumulate((one.high for one in self._owners), max))

    def of(self, address: IPv4Address) -> Iterator[Owner]:
        """Every owner of `address`."""
        number = int(address)
        index = bisect_right(self._lows, number) - 1
        while index >= 0 and self._reach[index] >= number:
            if self._owners[index].high >= number:
                yield self._owners[index]
            index -= 1


def _owners(configuration: Configuration) -> Iterator[Owner]:
    for subnet_id, subnet in configuration.subnets():
        for one in subnet.sc_service_addrs:
            if one.low.version == 4:
                yield Owner(
                    int(one.low), int(one.high), None, f"a SmartConnect service address of {subnet_id}"
                )
    for pool_id, pool in configuration.pools():
        for one in pool.manual_ranges:
            if one.low.version == 4:
                yield Owner(int(one.low), int(one.high), pool_id, f"in the range {one} of pool {pool_id}")


def why_unfit(subnet: Subnet, pool: Pool) -> tuple[str, str] | None:
    """Which setting keeps an externally managed pool out of merging, and what to set; None when it is fit.

    The cloud's networks carry none of these (OneFS 9.7, "externally managed network pools": IPv4 only,
    no VLANs, no link aggregation, no NFSoRDMA).
    """
    if subnet.addr_family != "ipv4":
        return "its subnet is not IPv4", "external managers lease IPv4 only"
    if subnet.vlan_enabled:
        return "its subnet has a VLAN", "set --vlan-enabled=false on the subnet"
    if pool.aggregation_mode != "none":
        return f"its aggregation_mode is {pool.aggregation_mode}", "set --aggregation-mode=none on the pool"
    if pool.nfsv3_rroce_only:
        return "it is for NFSoRDMA only", "set --nfsv3-rroce-only=false on the pool"
    return None


def why_refused(
    claim: Claim, subnet_id: SubnetId, subnet: Subnet, pool_id: PoolId, owners: Owners
) -> Finding | None:
    """The first rule that keeps `claim` out of the pool `pool_id`; None when it may come in.

    Whoever is refused keeps the last good address of its interface.
    """
    return next(_refusals(claim, subnet_id, subnet, pool_id, owners), None)


def _refusals(
    claim: Claim, subnet_id: SubnetId, subnet: Subnet, pool_id: PoolId, owners: Owners
) -> Iterator[Finding]:
    lease, network = claim.lease, subnet.network

    if why := why_nobodys(lease.address):
        yield claim.finding("address_nobodys", f"is {why}", _ASK_SERVER)

    if network is not None and (why := why_not_a_host(lease.address, network)):
        yield claim.finding("address_not_a_host", f"is {why}", _ASK_SERVER)

    if lease.address == subnet.gateway:
        yield claim.finding("address_gateway", f"is the gateway of {subnet_id}", _ASK_SERVER)

    for owner in owners.of(lease.address):
        if owner.pool is None:
            yield claim.finding("address_service", f"is {owner.name}", _ASK_SERVER)
        elif owner.pool != pool_id:
            yield claim.finding(
                "oversubscribed", f"is {owner.name}", "take it out of that range, or have another one leased"
            )

    if subnet.dhcp_servers and lease.server not in subnet.dhcp_servers:
        trusted = ", ".join(map(str, subnet.dhcp_servers))
        yield claim.finding(
            "server_not_trusted",
            f"comes from DHCP server {lease.server or '(no name given)'}; {subnet_id} trusts {trusted}",
            f"if that is yours: isi_net subnets modify {subnet_id} --add-dhcp-servers={lease.server or '…'}",
        )

    # A /31 or /32 is a provider's way to say "send everything to the router" (GCP), not another subnet.
    if lease.prefixlen is not None and lease.prefixlen < 31 and lease.prefixlen != subnet.prefixlen:
        yield claim.finding(
            "subnet_contradicted",
            f"comes with a /{lease.prefixlen}; {subnet_id} is a /{subnet.prefixlen}",
            _CORRECT_ONE,
        )

    if None not in (lease.gateway, subnet.gateway) and lease.gateway != subnet.gateway:
        yield claim.finding(
            "router_contradicted",
            f"comes with the router {lease.gateway}; the gateway of {subnet_id} is {subnet.gateway}",
            _CORRECT_ONE,
        )


_CORRECT_ONE = "correct the DHCP server, or the subnet by hand: a lease never changes it"
_ASK_SERVER = "look at what the DHCP server leases; the interface's last good address stands"


def holds(subnet: Subnet, address: IPAddress) -> bool:
    """Whether `address` lies in `subnet`."""
    network = subnet.network
    return network is not None and network.version == address.version and address in network
