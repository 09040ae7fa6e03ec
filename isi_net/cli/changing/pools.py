"""`isi_net pools create`, `modify` and `delete`."""

from typing import Any, get_args

import click

from isi_net.cli import complete
from isi_net.cli.change import Changing, Field, changing, edited, settable
from isi_net.cli.grammar import Verb
from isi_net.errors import BadValue, Refused
from isi_net.flexnet.published import load
from isi_net.model.names import check_name, parse_pool_id
from isi_net.model.network import (
    MAX_DESCRIPTION,
    AggregationMode,
    AllocMethod,
    Balancing,
    Configuration,
    Pool,
    RebalancePolicy,
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


@click.command(cls=Verb)
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
        parent = configuration.existing_subnet(wanted.subnet_id)
        if configuration.pool(wanted) is not None:
            raise Refused(f"there is a pool {wanted} already", todo="choose another name")
        new = edited(Pool(parent.next_number, wanted.pool), given)
        return configuration.with_pool(wanted.subnet_id, new)

    changing.publish(tree, edit)


@click.command(cls=Verb)
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
        return configuration.with_pool(wanted.subnet_id, edited(configuration.existing_pool(wanted), given))

    changing.publish(tree, edit)


@click.command(cls=Verb)
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
    load(tree).existing_pool(wanted)
    changing.ask(f"Are you sure you want to delete the pool {wanted}?")
    changing.publish(tree, lambda configuration: configuration.without_pool(wanted))
