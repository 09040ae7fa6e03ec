"""`isi_net interfaces`: the nodes' interfaces, with the pools that own them."""

from collections.abc import Iterable
from ipaddress import IPv4Address

import click

from isi_net.cli.grammar import Verbs
from isi_net.cli.output import Column, Record
from isi_net.cli.show import Showing, listing
from isi_net.flexnet.published import load
from isi_net.merger.inbox import Inbox
from isi_net.model.lease import Lease
from isi_net.model.names import PoolId
from isi_net.model.network import EXTERNALLY_MANAGED, MAX_MTU, Configuration, Iface, Pool, Subnet
from isi_net.model.report import Report, UnreadReport
from isi_net.store.tree import Tree


def _owner_lines(value: list[Record]) -> list[str]:
    """Each owner beside its own addresses: as many lines as it has of them."""
    return [line for one in value for line in (one["id"], *[""] * (len(one["ip_addrs"]) - 1))]


def _address_lines(value: list[Record]) -> list[str]:
    return [line for one in value for line in (one["ip_addrs"] or ["-"])]


_NUMBER = Column("lnn", "LNN")
_NAME = Column("name", "Name")
_STATUS = Column("status", "Status", lambda value: value.replace("_", " ").title())
_OWNERS = Column("owners", "Owners", lambda value: [one["id"] for one in value])

COLUMNS = (
    _NUMBER,
    _NAME,
    _STATUS,
    Column("owners", "Owners", _owner_lines),
    Column("owners", "IP Addresses", _address_lines),
)
VIEW = (
    Column("id", "ID"),
    _NUMBER,
    _NAME,
    Column("nic_name", "NIC Name"),
    _OWNERS,
    _STATUS,
    Column("type", "Type"),
    Column("mtu", "MTU"),
    Column("speed", "Speed"),
    Column("flags", "Flags"),
    Column("ip_addrs", "IP Addresses"),
    Column("ipv4_gateway", "IPv4 Gateway"),
    Column("ipv6_gateway", "IPv6 Gateway"),
    Column("vlans", "VLANs"),
)


def _owner(pool_id: PoolId, subnet: Subnet, pool: Pool, addresses: Iterable[IPv4Address]) -> Record:
    """A pool as an owner of one interface, as OneFS 9.7's API shows it."""
    return {
        "id": str(pool_id),
        "groupnet": pool_id.groupnet,
        "subnet": pool_id.subnet,
        "pool": pool.name,
        "access_zone": pool.access_zone,
        "vlan_id": subnet.vlan_id if subnet.vlan_enabled else None,
        "ip_addrs": [str(one) for one in addresses],
        "type": pool.alloc_method,
        "subtype": pool.external_manager if pool.externally_managed else "",
    }


def records(configuration: Configuration, reports: Iterable[Report | UnreadReport]) -> list[Record]:
    """Every interface that a pool has or a report names, by LNN and name."""
    leases: dict[Iface, Lease] = {
        Iface(report.lnn, lease.interface): lease
        for report in reports
        if isinstance(report, Report)
        for lease in report.addresses
    }
    owners: dict[Iface, list[Record]] = {iface: [] for iface in leases}
    gateways: dict[Iface, str] = {}
    lnns = configuration.lnns()
    for subnet_id, subnet in configuration.subnets():
        for pool in subnet.pools:
            held: dict[Iface, list[IPv4Address]] = {iface: [] for iface in pool.ifaces(lnns)}
            for one in pool.assignments:
                if one.devid in lnns:
                    held[Iface(lnns[one.devid], one.interface)].append(one.address)
            for iface, addresses in held.items():
                owners.setdefault(iface, []).append(
                    _owner(PoolId(*subnet_id, pool.name), subnet, pool, addresses)
                )
                if subnet.gateway is not None:
                    gateways.setdefault(iface, str(subnet.gateway))
    return [
        _record(iface, leases.get(iface), owned, gateways.get(iface))
        for iface, owned in sorted(owners.items(), key=lambda one: one[0])
    ]


def _record(iface: Iface, lease: Lease | None, owners: list[Record], gateway: str | None) -> Record:
    """One interface as OneFS 9.7's API shows it; what only the node itself could tell is `unknown`."""
    mtu = lease.mtu if lease is not None else None
    return {
        "id": str(iface),
        "lnn": iface.lnn,
        "name": iface.name,
        "nic_name": iface.name,
        "status": "unknown",
        "type": "unknown",
        "mtu": mtu if mtu is not None and mtu <= MAX_MTU else None,
        "speed": None,
        "flags": [],
        "ip_addrs": [address for owner in owners for address in owner["ip_addrs"]],
        "ipv4_gateway": gateway if gateway is not None and ":" not in gateway else None,
        "ipv6_gateway": gateway if gateway is not None and ":" in gateway else None,
        "owners": owners,
        "vlans": [],
    }


@click.group(cls=Verbs)
def command() -> None:
    """Interfaces of the nodes, with the pools that own them."""


@command.command("list")
@click.option("--externally-managed", is_flag=True, help="Only those that an externally managed pool owns.")
@listing
@click.pass_obj
def list_(tree: Tree, externally_managed: bool, showing: Showing) -> None:
    """Lists the interfaces of all nodes.

    \b
    Examples:
      isi_net interfaces list
      isi_net interfaces list --externally-managed --format json
    """
    found = records(load(tree), Inbox(tree).read())
    if externally_managed:
        found = [one for one in found if any(own["type"] == EXTERNALLY_MANAGED for own in one["owners"])]
    showing.records(found, COLUMNS, VIEW)
