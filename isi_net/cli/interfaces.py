"""`isi_net interfaces`: the nodes' interfaces, with the pools that own them."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import click

from isi_net.cli import complete, exits
from isi_net.cli.grammar import Spelled, Verbs, commas, parse_word
from isi_net.cli.output import Column, Record
from isi_net.cli.show import Showing, listing
from isi_net.cli.stdout import warn
from isi_net.flexnet.published import load
from isi_net.model.addresses import IPAddress
from isi_net.model.interface import LOOPBACK, Interface, Inventory
from isi_net.model.lease import Lease
from isi_net.model.names import PoolId
from isi_net.model.network import EXTERNALLY_MANAGED, MAX_MTU, Configuration, Iface, Pool, Subnet
from isi_net.model.report import Report, UnreadReport
from isi_net.model.spellings import parse_lnns
from isi_net.reporter import inbox
from isi_net.reporter.inventory import read_all
from isi_net.store.tree import Tree

# The API's words for what an owner's addresses are.
OWNER_TYPES = (
    "static",
    "dynamic",
    "smartconnect_service",
    "ipv6_link_local",
    "internal",
    EXTERNALLY_MANAGED,
)
_INACTIVE = ("inactive", "disabled")

_NUMBER = Column("lnn", "LNN")
_NAME = Column("name", "Name")
_STATUS = Column("status", "Status", lambda value: value.replace("_", " ").title())

VIEW = (
    Column("id", "ID"),
    _NUMBER,
    _NAME,
    Column("nic_name", "NIC Name"),
    Column("owners", "Owners", lambda value: [one["id"] for one in value]),
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


def columns(found: Iterable[Record]) -> tuple[Column, ...]:
    """The table's: each owner stands on one line with its own addresses.

    An interface that nobody owns shows the addresses it has.  Two columns are drawn from two fields each,
    so they look up what they show by the interface's id.
    """
    pairs = {one["id"]: _pairs(one) for one in found}
    return (
        _NUMBER,
        _NAME,
        _STATUS,
        Column("id", "Owners", lambda key: [owner for owner, _ in pairs[key]]),
        Column("id", "IP Addresses", lambda key: [address for _, address in pairs[key]]),
    )


def _pairs(one: Record) -> list[tuple[str, str]]:
    """Lines of owner and address."""
    owners = one["owners"] or [{"id": "-", "ip_addrs": one["ip_addrs"]}]
    return [
        line
        for owner in owners
        for line in zip_longest([owner["id"]], owner["ip_addrs"] or ["-"], fillvalue="")
    ]


def _owner(pool_id: PoolId, subnet: Subnet, pool: Pool, addresses: Iterable[IPAddress]) -> Record:
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


def records(
    configuration: Configuration,
    reports: Iterable[Report | UnreadReport],
    inventories: Iterable[Inventory] = (),
    now: float = 0.0,
) -> list[Record]:
    """Every interface that a node has, a pool has or a report names, by LNN and name.

    A node without a report is none: it was retired, and its inventory counts for nothing.  One whose
    report is old at `now` (seconds since the epoch), or cannot be read, may be down: what its inventory
    says stands, but for the status.
    """
    said = {report.devid: report for report in reports}
    leases: dict[Iface, Lease] = {
        Iface(report.lnn, lease.interface): lease
        for report in said.values()
        if isinstance(report, Report)
        for lease in report.addresses
    }
    facts = {
        Iface(inventory.lnn, one.name): (one, _lives(said[inventory.devid], now))
        for inventory in inventories
        if inventory.devid in said
        for one in inventory.interfaces
    }
    owners: dict[Iface, list[Record]] = {iface: [] for iface in (*leases, *facts)}
    gateways: dict[Iface, str] = {}
    lnns = configuration.lnns()
    for subnet_id, subnet in configuration.subnets():
        for pool in subnet.pools:
            held: dict[Iface, list[IPAddress]] = {iface: [] for iface in pool.ifaces(lnns)}
            for given in pool.addresses:
                held[given.iface].append(given.address)
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
        _record(iface, facts.get(iface), leases.get(iface), owned, gateways.get(iface))
        for iface, owned in sorted(owners.items(), key=lambda one: one[0])
    ]


def _lives(report: Report | UnreadReport, now: float) -> bool:
    return isinstance(report, Report) and not report.is_old(now)


def _record(
    iface: Iface,
    facts: tuple[Interface, bool] | None,
    lease: Lease | None,
    owners: list[Record],
    gateway: str | None,
) -> Record:
    """One interface as OneFS 9.7's API shows it.

    `facts` are what its node says of it, and whether that still lives.  Without them most is unknown, and
    the addresses are those that its owners gave it.
    """
    interface, lives = facts or (Interface(iface.name, iface.name), False)
    mtu = interface.mtu if facts or lease is None else lease.mtu
    addresses = [address for owner in owners for address in owner["ip_addrs"]]
    return {
        "id": str(iface),
        "lnn": iface.lnn,
        "name": iface.name,
        "nic_name": interface.nic_name,
        "status": interface.status if lives else "unknown",
        "type": interface.type,
        "mtu": mtu if mtu is not None and mtu <= MAX_MTU else None,
        "speed": interface.speed,
        "flags": list(interface.flags),
        "ip_addrs": [str(one.ip) for one in interface.addresses] if facts else addresses,
        "ipv4_gateway": gateway if gateway is not None and ":" not in gateway else None,
        "ipv6_gateway": gateway if gateway is not None and ":" in gateway else None,
        "owners": owners,
        "vlans": [],
    }


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which interfaces a person asks for; all that is said of an owner must be true of one and the same.

    `external_manager` is casefolded: `aws`.
    """

    nodes: tuple[int, ...] | None = None
    owner: str | None = None
    owner_type: str | None = None
    external_manager: str | None = None
    externally_managed: bool = False
    network: str = "external"
    show_inactive: bool = False

    def __call__(self, one: Record) -> bool:
        owners = one["owners"]
        return (
            (self.nodes is None or one["lnn"] in self.nodes)
            and (any(map(self._owns, owners)) or not self._asks_for_an_owner)
            and (bool(owners) or self.show_inactive or one["status"] not in _INACTIVE)
            and (self.network == "all" or (one["type"] == LOOPBACK) == (self.network == "internal"))
        )

    @property
    def _asks_for_an_owner(self) -> bool:
        asked = (self.owner, self.owner_type, self.external_manager)
        return self.externally_managed or asked != (None, None, None)

    def _owns(self, owner: Record) -> bool:
        return (
            (self.owner is None or holds(owner["id"], self.owner))
            and self.owner_type in (None, owner["type"])
            and self.external_manager in (None, owner["subtype"].casefold())
            and (owner["type"] == EXTERNALLY_MANAGED or not self.externally_managed)
        )


def holds(owner_id: str, part: str) -> bool:
    """Whether `part` is one of an owner's id, of whole names: `groupnet0`, `subnet0.pool0`, `pool0`."""
    return f".{part.replace(':', '.')}." in f".{owner_id}."


@click.group(cls=Verbs)
def command() -> None:
    """Interfaces of the nodes, with the pools that own them."""


@command.command("list")
@click.option(
    "--nodes",
    "-n",
    type=Spelled("LNNS", commas(parse_lnns)),
    help="Only those of these nodes: 1,3-5.",
    shell_complete=complete.nodes,
)
@click.option(
    "--owner",
    metavar="ID",
    help="Only those that this pool owns, or one in this part of an id.",
    shell_complete=complete.pools,
)
@click.option(
    "--type",
    "owner_type",
    type=Spelled("TYPE", parse_word(OWNER_TYPES)),
    shell_complete=complete.words(OWNER_TYPES),
    help="Only those with an owner of this type: static, dynamic, externally_managed …",
)
@click.option(
    "--external-manager",
    type=Spelled("NAME", str.casefold),
    help="Only those that NAME allocates addresses to: AWS …",
    shell_complete=complete.managers,
)
@click.option("--externally-managed", is_flag=True, help="Only those that an externally managed pool owns.")
@click.option(
    "--network",
    type=click.Choice(("external", "internal", "all")),
    default="external",
    show_default=True,
    help="Internal are a node's loopback interfaces, external all others.",
)
@click.option("--show-inactive", is_flag=True, help="Also those that are turned off and that nobody owns.")
@listing
@click.pass_obj
def list_(tree: Tree, /, showing: Showing, **asked: Any) -> None:
    """Lists the interfaces of all nodes.

    \b
    Examples:
      isi_net interfaces list
      isi_net interfaces list --externally-managed --format json
      isi_net interfaces list --nodes 1,3-5 --owner groupnet0.subnet0
    """
    inventories, failures = read_all(tree)
    for failure in failures:
        warn(exits.line(failure))
    wanted = Wanted(**asked)
    known = records(load(tree), inbox.reports(tree), inventories, time.time())
    found = [one for one in known if wanted(one)]
    showing.records(found, columns(found), VIEW)
