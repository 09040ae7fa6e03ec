"""`isi_net pools`: pools of addresses."""

from collections.abc import Callable, Collection
from typing import Any, get_args

import click

from isi_net.cli import complete
from isi_net.cli.change import Changing, Field, changing, edited, settable
from isi_net.cli.grammar import Spelled, Verbs
from isi_net.cli.output import Column, Record
from isi_net.cli.show import Showing, listing, viewing
from isi_net.errors import BadValue, NotFound, Refused
from isi_net.flexnet.published import load
from isi_net.model.names import PoolId, check_name, parse_pool_id
from isi_net.model.network import (
    MAX_DESCRIPTION,
    AggregationMode,
    AllocMethod,
    Balancing,
    Configuration,
    Iface,
    Pool,
    Range,
    RebalancePolicy,
    StaticRoute,
)
from isi_net.model.spellings import (
    or_nothing,
    parse_domain,
    parse_ifaces,
    parse_number,
    parse_range,
    parse_route,
    parse_switch,
    parse_text,
)
from isi_net.store.tree import Tree


def ranges(value: list[dict[str, str]]) -> list[str]:
    """Ranges as people write them: `10.1.1.5-10.1.1.9`."""
    return [f"{one['low']}-{one['high']}" for one in value]


def _ifaces(value: list[dict[str, Any]]) -> list[str]:
    return [f"{one['lnn']}:{one['iface']}" for one in value]


def _routes(value: list[dict[str, Any]]) -> list[str]:
    return [f"{one['subnet']}/{one['prefixlen']}-{one['gateway']}" for one in value]


_ID = Column("id", "ID")
_ZONE = Column("sc_dns_zone", "SC Zone")
_RANGES = Column("ranges", "IP Ranges", ranges)
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


def range_record(one: Range) -> Record:
    return {"low": str(one.low), "high": str(one.high)}


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


@click.group(cls=Verbs)
def command() -> None:
    """Pools of addresses."""


def parse_word(known: Collection[str]) -> Callable[[str], str]:
    """A reader of one of the API's words, with dashes for its underscores if one likes."""

    def parse(text: str) -> str:
        word = text.replace("-", "_")
        if word not in known:
            raise BadValue(f"{text!r} is not known", todo=f"use one of {', '.join(known)}")
        return word

    return parse


def by_manager(manager: str | None, name: str) -> bool:
    """Whether who asks for `manager`, in capitals or not, or for none, means the one of this name."""
    return manager is None or manager.casefold() == name.casefold()


@command.command("list")
@click.option(
    "--alloc-method",
    type=Spelled("METHOD", parse_word(get_args(AllocMethod))),
    shell_complete=complete.words(get_args(AllocMethod)),
    help="Only those whose addresses are given so: static, dynamic or externally_managed.",
)
@click.option(
    "--external-manager",
    metavar="NAME",
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
        and by_manager(external_manager, one["external_manager"])
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
    found = next((one for one in records(load(tree)) if one["id"] == str(wanted)), None)
    if found is None:
        raise NotFound(f"there is no pool {wanted}", todo="see isi_net pools list")
    showing.record(found, VIEW)


def _alloc_method(text: str) -> str:
    """An allocation method; the system's own is understood as well, for the guard to refuse by name."""
    method = text.replace("-", "_")
    if method not in get_args(AllocMethod):
        raise BadValue(f"{text!r} is no allocation method", todo="use static or dynamic")
    return method


_BALANCING = get_args(Balancing)

FIELDS = (
    Field("name", check_name, "NAME", "Rename it."),
    Field("description", parse_text(MAX_DESCRIPTION), "TEXT", "A remark, up to 128 characters."),
    Field("access_zone", parse_text(255, 1), "ZONE", "The access zone of its addresses."),
    Field("alloc_method", _alloc_method, "static|dynamic", "How its addresses are given to interfaces."),
    Field(
        "aggregation_mode",
        str,
        "MODE",
        "How its interfaces are aggregated.",
        choices=get_args(AggregationMode),
    ),
    Field("manual_ranges", parse_range, "RANGE,...", "The ranges of addresses.", option="ranges", many=True),
    Field(
        "manual_ifaces",
        parse_ifaces,
        "LNN:IFACE,...",
        "The interfaces.",
        option="ifaces",
        many=True,
        complete=complete.ifaces,
    ),
    Field("static_routes", parse_route, "ROUTE,...", "The static routes.", many=True),
    Field("firewall_policy", check_name, "NAME", "The firewall policy of its addresses."),
    Field("rebalance_policy", str, "POLICY", "When addresses move back.", choices=get_args(RebalancePolicy)),
    Field("sc_connect_policy", str, "POLICY", "How clients are spread.", choices=_BALANCING),
    Field("sc_dns_zone", or_nothing(parse_domain, ""), "DOMAIN", "The SmartConnect zone."),
    Field("sc_dns_zone_aliases", parse_domain, "DOMAIN,...", "The SmartConnect zone's aliases.", many=True),
    Field("sc_failover_policy", str, "POLICY", "How addresses fail over.", choices=_BALANCING),
    Field(
        "sc_subnet",
        check_name,
        "SUBNET",
        "The subnet whose SmartConnect service answers.",
        complete=complete.subnet_names,
    ),
    Field("sc_ttl", parse_number(0, 2**31 - 1), "SECONDS", "How long its answers may be kept."),
    Field("nfsv3_rroce_only", parse_switch, "yes|no", "Whether it serves NFSoRDMA only."),
    Field("ipv6_perform_dad", parse_switch, "yes|no", "Whether IPv6 looks for duplicates first."),
)


@command.command()
@click.argument("pool", metavar="ID")
@settable(FIELDS[1:])
@changing
@click.pass_obj
def create(tree: Tree, pool: str, given: dict[str, Any], changing: Changing) -> None:
    """Makes a static or dynamic pool, ID.

    Externally managed pools are made by the system alone.

    \b
    Examples:
      isi_net pools create groupnet0.subnet0.pool1 --ranges 10.20.30.50-10.20.30.59
      isi_net pools create subnet0.pool2 --alloc-method dynamic --ifaces 1-4:ext-2
    """
    wanted = parse_pool_id(pool)

    def edit(configuration: Configuration) -> Configuration:
        parent = configuration.subnet(wanted.subnet_id)
        if parent is None:
            raise NotFound(f"there is no subnet {wanted.subnet_id}", todo="see isi_net subnets list")
        if configuration.pool(wanted) is not None:
            raise Refused(f"there is a pool {wanted} already", todo="choose another name")
        new = edited(Pool(parent.next_number, wanted.pool), given)
        return configuration.with_pool(wanted.subnet_id, new)

    changing.publish(tree, edit)


@command.command()
@click.argument("pool", metavar="ID", shell_complete=complete.pools)
@settable(FIELDS)
@changing
@click.pass_obj
def modify(tree: Tree, pool: str, given: dict[str, Any], changing: Changing) -> None:
    """Changes a pool, ID.

    The ranges and interfaces of an externally managed pool are its manager's: they change with --force
    only, and the merger leaves what was made so in place.

    \b
    Examples:
      isi_net pools modify groupnet0.subnet0.pool0 --sc-dns-zone cluster.example.com
      isi_net pools modify subnet0.pool0 --add-ranges 10.20.30.50-10.20.30.59 --force
    """
    wanted = parse_pool_id(pool)

    def edit(configuration: Configuration) -> Configuration:
        return configuration.with_pool(wanted.subnet_id, edited(_existing(configuration, wanted), given))

    changing.publish(tree, edit)


@command.command()
@click.argument("pool", metavar="ID", shell_complete=complete.pools)
@changing
@click.pass_obj
def delete(tree: Tree, pool: str, changing: Changing) -> None:
    """Deletes a pool, ID.

    \b
    Examples:
      isi_net pools delete groupnet0.subnet0.pool1
    """
    wanted = parse_pool_id(pool)
    _existing(load(tree), wanted)
    changing.ask(f"Are you sure you want to delete the pool {wanted}?")
    changing.publish(tree, lambda configuration: configuration.without_pool(wanted))


def _existing(configuration: Configuration, wanted: PoolId) -> Pool:
    found = configuration.pool(wanted)
    if found is None:
        raise NotFound(f"there is no pool {wanted}", todo="see isi_net pools list")
    return found
