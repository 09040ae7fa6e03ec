"""`isi_net pools`: pools of addresses."""

from typing import Any, get_args

import click

from isi_net.cli import complete
from isi_net.cli.grammar import Spelled, Verbs, parse_word
from isi_net.cli.output import Column, Record
from isi_net.cli.records import range_lines, range_record
from isi_net.cli.show import Showing, listing, viewing
from isi_net.flexnet.published import load
from isi_net.model.names import PoolId, parse_pool_id
from isi_net.model.network import AllocMethod, Configuration, Iface, Pool, StaticRoute
from isi_net.store.tree import Tree


def _ifaces(value: list[dict[str, Any]]) -> list[str]:
    return [f"{one['lnn']}:{one['iface']}" for one in value]


def _routes(value: list[dict[str, Any]]) -> list[str]:
    return [f"{one['subnet']}/{one['prefixlen']}-{one['gateway']}" for one in value]


_ID = Column("id", "ID")
_ZONE = Column("sc_dns_zone", "SC Zone")
_RANGES = Column("ranges", "IP Ranges", range_lines)
_METHOD = Column("alloc_method", "Allocation Method")
_MANAGER = Column("external_manager", "External Manager")

COLUMNS = (_ID, _ZONE, _RANGES, _METHOD, _MANAGER)
VIEW = (
    _ID,
    Column("groupnet", "Groupnet"),
    Column("subnet", "Subnet"),
    Column("name", "Name"),
    Column("rules", "Rules"),
    Column("access_zone", "Access Zone"),
    _METHOD,
    _MANAGER,
    Column("aggregation_mode", "Aggregation Mode"),
    Column("sc_suspended_nodes", "SC Suspended Nodes"),
    Column("description", "Description"),
    Column("ifaces", "Ifaces", _ifaces),
    _RANGES,
    Column("rebalance_policy", "Rebalance Policy"),
    Column("sc_connect_policy", "SC Connect Policy"),
    _ZONE,
    Column("sc_dns_zone_aliases", "SC DNS Zone Aliases"),
    Column("sc_failover_policy", "SC Failover Policy"),
    Column("sc_subnet", "SC Subnet"),
    Column("sc_ttl", "SC TTL"),
    Column("static_routes", "Static Routes", _routes),
    Column("nfsv3_rroce_only", "NFS RDMA RRoCE only"),
    Column("addr_family", "Address Family"),
    Column("firewall_policy", "Firewall Policy"),
    Column("ipv6_perform_dad", "IPv6 Perform DAD"),
)


def _iface_record(one: Iface) -> Record:
    return {"iface": one.name, "lnn": one.lnn}


def _route_record(one: StaticRoute) -> Record:
    return {"subnet": str(one.subnet), "prefixlen": one.prefixlen, "gateway": str(one.gateway)}


def record(pool_id: PoolId, pool: Pool, addr_family: str, lnns: dict[int, int]) -> Record:
    """The pool as OneFS 9.7's API shows it; `lnns` gives each devid's LNN."""
    return {
        "id": str(pool_id),
        "name": pool.name,
        "groupnet": pool_id.groupnet,
        "subnet": pool_id.subnet,
        "description": pool.description,
        "access_zone": pool.access_zone,
        "addr_family": addr_family,
        "alloc_method": pool.alloc_method,
        "external_manager": pool.external_manager,
        "aggregation_mode": pool.aggregation_mode,
        "ifaces": [_iface_record(one) for one in pool.ifaces(lnns)],
        "ranges": [range_record(one) for one in pool.ranges],
        "static_routes": [_route_record(one) for one in pool.static_routes],
        "rules": list(pool.rules),
        "firewall_policy": pool.firewall_policy,
        "rebalance_policy": pool.rebalance_policy,
        "sc_connect_policy": pool.sc_connect_policy,
        "sc_failover_policy": pool.sc_failover_policy,
        "sc_dns_zone": pool.sc_dns_zone,
        "sc_dns_zone_aliases": list(pool.sc_dns_zone_aliases),
        "sc_subnet": pool.sc_subnet,
        "sc_suspended_nodes": list(pool.sc_suspended_nodes),
        "sc_ttl": pool.sc_ttl,
        "nfsv3_rroce_only": pool.nfsv3_rroce_only,
        "ipv6_perform_dad": pool.ipv6_perform_dad,
    }


def records(configuration: Configuration) -> list[Record]:
    """Every pool."""
    lnns = configuration.lnns()
    return [
        record(PoolId(*subnet_id, pool.name), pool, subnet.addr_family, lnns)
        for subnet_id, subnet in configuration.subnets()
        for pool in subnet.pools
    ]


@click.group(cls=Verbs, later={"isi_net.cli.changing.pools": ("create", "delete", "modify")})
def command() -> None:
    """Pools of addresses."""


@command.command("list")
@click.option(
    "--alloc-method",
    type=Spelled("METHOD", parse_word(get_args(AllocMethod))),
    shell_complete=complete.words(get_args(AllocMethod)),
    help="Only those whose addresses are given so: static, dynamic or externally_managed.",
)
@click.option(
    "--external-manager",
    type=Spelled("NAME", str.casefold),
    help="Only those whose addresses NAME allocates: AWS …",
    shell_complete=complete.managers,
)
@listing
@click.pass_obj
def list_(tree: Tree, alloc_method: str | None, external_manager: str | None, showing: Showing) -> None:
    """Lists the pools.

    \b
    Examples:
      isi_net pools list
      isi_net pools list --external-manager AWS --format json
      isi_net pools list -a -z --sort alloc_method
    """
    found = [
        one
        for one in records(load(tree))
        if alloc_method in (None, one["alloc_method"])
        and external_manager in (None, one["external_manager"].casefold())
    ]
    showing.records(found, COLUMNS, VIEW)


@command.command()
@click.argument("pool", metavar="ID", shell_complete=complete.pools)
@viewing
@click.pass_obj
def view(tree: Tree, pool: str, showing: Showing) -> None:
    """Shows one pool, ID, with all its settings.

    \b
    Examples:
      isi_net pools view groupnet0.subnet0.pool0
      isi_net pools view subnet0:pool0 --format json
    """
    wanted = parse_pool_id(pool)
    configuration = load(tree)
    found, subnet = configuration.existing_pool(wanted), configuration.existing_subnet(wanted.subnet_id)
    showing.record(record(wanted, found, subnet.addr_family, configuration.lnns()), VIEW)
