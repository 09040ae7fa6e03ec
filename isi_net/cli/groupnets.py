"""`isi_net groupnets`: subnets that share name resolution."""

import click

from isi_net.cli import complete
from isi_net.cli.grammar import Verbs
from isi_net.cli.output import Column, Record
from isi_net.cli.show import Showing, listing, viewing
from isi_net.flexnet.published import load
from isi_net.model.names import SubnetId, parse_groupnet_id
from isi_net.model.network import Configuration, Groupnet
from isi_net.store.tree import Tree

_ID = Column("id", "ID")
_SERVERS = Column("dns_servers", "DNS Servers")
_SEARCH = Column("dns_search", "DNS Search")
_CACHE = Column("dns_cache_enabled", "DNS Cache Enabled")
_SUBNETS = Column("subnets", "Subnets")

COLUMNS = (_ID, _CACHE, _SEARCH, _SERVERS, _SUBNETS)
VIEW = (
    _ID,
    Column("name", "Name"),
    Column("description", "Description"),
    _CACHE,
    Column("dns_options", "DNS Options"),
    _SEARCH,
    _SERVERS,
    _SUBNETS,
)


def record(groupnet: Groupnet) -> Record:
    """The groupnet as OneFS 9.7's API shows it."""
    return {
        "id": groupnet.name,
        "name": groupnet.name,
        "description": groupnet.description,
        "dns_servers": [str(one) for one in groupnet.dns_servers],
        "dns_search": list(groupnet.dns_search),
        "dns_options": list(groupnet.dns_options),
        "dns_cache_enabled": groupnet.dns_cache_enabled,
        "subnets": [str(SubnetId(groupnet.name, subnet.name)) for subnet in groupnet.subnets],
    }


def records(configuration: Configuration) -> list[Record]:
    """Every groupnet."""
    return [record(groupnet) for groupnet in configuration.groupnets]


@click.group(cls=Verbs, later={"isi_net.cli.changing.groupnets": ("create", "delete", "modify")})
def command() -> None:
    """Groupnets: subnets that share name resolution."""


@command.command("list")
@listing
@click.pass_obj
def list_(tree: Tree, showing: Showing) -> None:
    """Lists the groupnets.

    \b
    Examples:
      isi_net groupnets list
      isi_net groupnets list --format json
    """
    showing.records(records(load(tree)), COLUMNS, VIEW)


@command.command()
@click.argument("groupnet", metavar="ID", shell_complete=complete.groupnets)
@viewing
@click.pass_obj
def view(tree: Tree, groupnet: str, showing: Showing) -> None:
    """Shows one groupnet, ID, with all its settings.

    \b
    Examples:
      isi_net groupnets view groupnet0
    """
    wanted = parse_groupnet_id(groupnet)
    showing.record(record(load(tree).existing_groupnet(wanted)), VIEW)
