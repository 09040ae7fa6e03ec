"""`isi_net subnets`: subnets of groupnets."""

from typing import Any

import click

from isi_net.cli import complete
from isi_net.cli.change import Changing, Field, changing, edited, settable
from isi_net.cli.grammar import Spelled, Verbs
from isi_net.cli.output import Column, Record
from isi_net.cli.pools import range_record, ranges
from isi_net.cli.show import Showing, listing, viewing
from isi_net.errors import NotFound, Refused
from isi_net.flexnet.published import load
from isi_net.model.names import GroupnetId, PoolId, SubnetId, check_name, parse_subnet_id
from isi_net.model.network import MAX_DESCRIPTION, MAX_MTU, MIN_MTU, Configuration, Subnet
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

_ID = Column("id", "ID")
_GATEWAY = Column("gateway", "Gateway")
_PRIORITY = Column("gateway_priority", "Gateway Priority")
_PREFIXLEN = Column("prefixlen", "Prefix Length")
_POOLS = Column("pools", "Pools")
_SERVICE = Column("sc_service_addrs", "SC Service Addrs", ranges)
_SERVERS = Column("dhcp_servers", "DHCP Servers")

COLUMNS = (_ID, Column("base_addr", "Subnet"), _PREFIXLEN, _GATEWAY, _PRIORITY, _POOLS, _SERVICE)
VIEW = (
    _ID,
    Column("name", "Name"),
    Column("groupnet", "Groupnet"),
    _POOLS,
    Column("addr_family", "Address Family"),
    Column("base_addr", "Base Address"),
    _PREFIXLEN,
    Column("description", "Description"),
    _GATEWAY,
    _PRIORITY,
    Column("mtu", "MTU"),
    _SERVICE,
    Column("sc_service_name", "SC Service Name"),
    Column("vlan_enabled", "VLAN Enabled"),
    Column("vlan_id", "VLAN ID"),
    _SERVERS,
)


def record(subnet_id: SubnetId, subnet: Subnet) -> Record:
    """The subnet as OneFS 9.7's API shows it, and the DHCP servers that it trusts."""
    return {
        "id": str(subnet_id),
        "name": subnet.name,
        "groupnet": subnet_id.groupnet,
        "addr_family": subnet.addr_family,
        "prefixlen": subnet.prefixlen,
        "gateway": None if subnet.gateway is None else str(subnet.gateway),
        "gateway_priority": subnet.gateway_priority,
        "mtu": subnet.mtu,
        "vlan_enabled": subnet.vlan_enabled,
        "vlan_id": subnet.vlan_id,
        "sc_service_addrs": [range_record(one) for one in subnet.sc_service_addrs],
        "sc_service_name": subnet.sc_service_name,
        "base_addr": None if subnet.network is None else str(subnet.network.network_address),
        "description": subnet.description,
        "pools": [str(PoolId(*subnet_id, pool.name)) for pool in subnet.pools],
        "dhcp_servers": [str(one) for one in subnet.dhcp_servers],
    }


def records(configuration: Configuration) -> list[Record]:
    """Every subnet."""
    return [record(subnet_id, subnet) for subnet_id, subnet in configuration.subnets()]


@click.group(cls=Verbs)
def command() -> None:
    """Subnets of groupnets."""


@command.command("list")
@listing
@click.pass_obj
def list_(tree: Tree, showing: Showing) -> None:
    """Lists the subnets.

    \b
    Examples:
      isi_net subnets list
      isi_net subnets list --format csv
    """
    showing.records(records(load(tree)), COLUMNS, VIEW)


@command.command()
@click.argument("subnet", metavar="ID", shell_complete=complete.subnets)
@viewing
@click.pass_obj
def view(tree: Tree, subnet: str, showing: Showing) -> None:
    """Shows one subnet, ID, with all its settings.

    \b
    Examples:
      isi_net subnets view groupnet0.subnet0
      isi_net subnets view subnet0 --format json
    """
    wanted = parse_subnet_id(subnet)
    found = load(tree).subnet(wanted)
    if found is None:
        raise NotFound(f"there is no subnet {wanted}", todo="see isi_net subnets list")
    showing.record(record(wanted, found), VIEW)


FIELDS = (
    Field("name", check_name, "NAME", "Rename it."),
    Field("description", parse_text(MAX_DESCRIPTION), "TEXT", "A remark, up to 128 characters."),
    Field("gateway", or_nothing(parse_address, None), "ADDRESS", "The default gateway; '' for none."),
    Field("gateway_priority", parse_number(1, 2**31 - 1), "N", "Which subnet's gateway is used: the lowest."),
    Field("mtu", parse_number(MIN_MTU, MAX_MTU), "BYTES", "The MTU of its interfaces, 576 to 9000."),
    Field("sc_service_addrs", parse_range, "RANGE,...", "The SmartConnect service addresses.", many=True),
    Field("sc_service_name", or_nothing(parse_domain, ""), "DOMAIN", "The SmartConnect service's name."),
    Field("vlan_enabled", parse_switch, "yes|no", "Whether its interfaces are on a VLAN."),
    Field("vlan_id", parse_number(1, 4094), "N", "The VLAN's id, 1 to 4094."),
    Field("dhcp_servers", parse_ipv4, "ADDRESS,...", "The DHCP servers that are trusted here.", many=True),
)


@command.command()
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
        parent = configuration.groupnet(GroupnetId(wanted.groupnet))
        if parent is None:
            raise NotFound(f"there is no groupnet {wanted.groupnet}", todo="see isi_net groupnets list")
        if configuration.subnet(wanted) is not None:
            raise Refused(f"there is a subnet {wanted} already", todo="choose another name")
        new = edited(Subnet(parent.next_number, wanted.subnet, addr_family, prefixlen), given)
        return configuration.with_subnet(GroupnetId(wanted.groupnet), new)

    changing.publish(tree, edit)


@command.command()
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
        changed = edited(_existing(configuration, wanted), given)
        return configuration.with_subnet(GroupnetId(wanted.groupnet), changed)

    changing.publish(tree, edit)


@command.command()
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
    _existing(load(tree), wanted)
    changing.ask(f"Are you sure you want to delete the subnet {wanted} with all in it?")
    changing.publish(tree, lambda configuration: configuration.without_subnet(wanted))


def _existing(configuration: Configuration, wanted: SubnetId) -> Subnet:
    found = configuration.subnet(wanted)
    if found is None:
        raise NotFound(f"there is no subnet {wanted}", todo="see isi_net subnets list")
    return found
