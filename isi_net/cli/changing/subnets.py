"""`isi_net subnets create`, `modify` and `delete`."""

from typing import Any

import click

from isi_net.cli import complete
from isi_net.cli.change import Changing, Field, changing, edited, settable
from isi_net.cli.grammar import Spelled, Verb
from isi_net.errors import Refused
from isi_net.flexnet.published import load
from isi_net.model.names import GroupnetId, check_name, parse_subnet_id
from isi_net.model.network import (
    MAX_DESCRIPTION,
    MAX_MTU,
    MAX_PRIORITY,
    MIN_MTU,
    MIN_PRIORITY,
    Configuration,
    Subnet,
)
from isi_net.model.spellings import (
    or_nothing,
    parse_address,
    parse_domain,
    parse_ipv4,
    parse_number,
    parse_range,
    parse_switch,
    parse_text,
)
from isi_net.store.tree import Tree

FIELDS = (
    Field("name", check_name, "NAME", "Rename it."),
    Field("description", parse_text(MAX_DESCRIPTION), "TEXT", "A remark, up to 128 characters."),
    Field("gateway", or_nothing(parse_address, None), "ADDRESS", "The default gateway; '' for none."),
    Field(
        "gateway_priority",
        parse_number(MIN_PRIORITY, MAX_PRIORITY),
        "N",
        "Which subnet's gateway is used: the lowest.",
    ),
    Field("mtu", parse_number(MIN_MTU, MAX_MTU), "BYTES", "The MTU of its interfaces, 576 to 9000."),
    Field("sc_service_addrs", parse_range, "RANGE,...", "The SmartConnect service addresses.", many=True),
    Field("sc_service_name", or_nothing(parse_domain, ""), "DOMAIN", "The SmartConnect service's name."),
    Field("vlan_enabled", parse_switch, "yes|no", "Whether its interfaces are on a VLAN."),
    Field("vlan_id", parse_number(1, 4094), "N", "The VLAN's id, 1 to 4094."),
    Field("dhcp_servers", parse_ipv4, "ADDRESS,...", "The DHCP servers that are trusted here.", many=True),
)


@click.command(cls=Verb)
@click.argument("subnet", metavar="ID")
@click.argument("addr_family", type=click.Choice(["ipv4", "ipv6"]), metavar="ipv4|ipv6")
@click.argument("prefixlen", type=Spelled("PREFIXLEN", parse_number(1, 128)))
@settable(FIELDS[1:])
@changing
@click.pass_obj
def create(
    tree: Tree, subnet: str, addr_family: Any, prefixlen: int, given: dict[str, Any], changing: Changing
) -> None:
    """Makes a subnet, ID, of a family and with a prefix length.

    Which addresses it has is told by its gateway, or else by its first pool's ranges.

    \b
    Examples:
      isi_net subnets create groupnet0.subnet1 ipv4 24 --gateway 192.0.2.1
      isi_net subnets create subnet2 ipv6 64 --gateway 2001:db8::1
    """
    wanted = parse_subnet_id(subnet)

    def edit(configuration: Configuration) -> Configuration:
        parent = configuration.existing_groupnet(GroupnetId(wanted.groupnet))
        if configuration.subnet(wanted) is not None:
            raise Refused(f"there is a subnet {wanted} already", todo="choose another name")
        new = edited(Subnet(parent.next_number, wanted.subnet, addr_family, prefixlen), given)
        return configuration.with_subnet(GroupnetId(wanted.groupnet), new)

    changing.publish(tree, edit)


@click.command(cls=Verb)
@click.argument("subnet", metavar="ID", shell_complete=complete.subnets)
@settable(FIELDS)
@changing
@click.pass_obj
def modify(tree: Tree, subnet: str, given: dict[str, Any], changing: Changing) -> None:
    """Changes a subnet, ID.

    \b
    Examples:
      isi_net subnets modify groupnet0.subnet0 --mtu 9000
      isi_net subnets modify subnet0 --add-dhcp-servers 10.20.30.1
    """
    wanted = parse_subnet_id(subnet)

    def edit(configuration: Configuration) -> Configuration:
        changed = edited(configuration.existing_subnet(wanted), given)
        return configuration.with_subnet(GroupnetId(wanted.groupnet), changed)

    changing.publish(tree, edit)


@click.command(cls=Verb)
@click.argument("subnet", metavar="ID", shell_complete=complete.subnets)
@changing
@click.pass_obj
def delete(tree: Tree, subnet: str, changing: Changing) -> None:
    """Deletes a subnet, ID, with its pools.

    \b
    Examples:
      isi_net subnets delete groupnet0.subnet1
    """
    wanted = parse_subnet_id(subnet)
    load(tree).existing_subnet(wanted)
    changing.ask(f"Are you sure you want to delete the subnet {wanted} with all in it?")
    changing.publish(tree, lambda configuration: configuration.without_subnet(wanted))
