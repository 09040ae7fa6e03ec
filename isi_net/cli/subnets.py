"""`isi_net subnets`: subnets of groupnets."""

import click

from isi_net.cli import complete
from isi_net.cli.grammar import Verbs
from isi_net.cli.output import Column, Record
from isi_net.cli.records import range_lines, range_record
from isi_net.cli.show import Showing, listing, viewing
from isi_net.flexnet.published import load
from isi_net.model.names import PoolId, SubnetId, parse_subnet_id
from isi_net.model.network import Configuration, Subnet
from isi_net.store.tree import Tree

_ID = Column("id", "ID")
_GATEWAY = Column("gateway", "Gateway")
_PRIORITY = Column("gateway_priority", "Gateway Priority")
_PREFIXLEN = Column("prefixlen", "Prefix Length")
_POOLS = Column("pools", "Pools")
_SERVICE = Column("sc_service_addrs", "SC Service Addrs", range_lines)
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


@click.group(cls=Verbs, later={"isi_net.cli.changing.subnets": ("create", "delete", "modify")})
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
    showing.record(record(wanted, load(tree).existing_subnet(wanted)), VIEW)
