"""`isi_net groupnets`: subnets that share name resolution."""

from typing import Any

import click

from isi_net.cli import complete
from isi_net.cli.change import Changing, Field, changing, edited, settable
from isi_net.cli.grammar import Verbs
from isi_net.cli.output import Column, Record
from isi_net.cli.show import Showing, listing, viewing
from isi_net.errors import NotFound, Refused
from isi_net.flexnet.published import load
from isi_net.model.names import GroupnetId, SubnetId, check_name, parse_groupnet_id
from isi_net.model.network import MAX_DESCRIPTION, Configuration, Groupnet
from isi_net.model.spellings import parse_address, parse_domain, parse_switch, parse_text
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


@click.group(cls=Verbs)
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
    found = load(tree).groupnet(wanted)
    if found is None:
        raise NotFound(f"there is no groupnet {wanted}", todo="see isi_net groupnets list")
    showing.record(record(found), VIEW)


FIELDS = (
    Field("name", check_name, "NAME", "Rename it."),
    Field("description", parse_text(MAX_DESCRIPTION), "TEXT", "A remark, up to 128 characters."),
    Field("dns_servers", parse_address, "ADDRESS,...", "The DNS servers, three at most.", many=True),
    Field("dns_search", parse_domain, "DOMAIN,...", "The search domains, six at most.", many=True),
    Field("dns_options", parse_text(128, 1), "OPTION,...", "The resolver's options.", many=True),
    Field("dns_cache_enabled", parse_switch, "yes|no", "Whether DNS answers are cached."),
)


@command.command()
@click.argument("groupnet", metavar="ID")
@settable(FIELDS[1:])
@changing
@click.pass_obj
def create(tree: Tree, groupnet: str, given: dict[str, Any], changing: Changing) -> None:
    """Makes a groupnet, ID.

    \b
    Examples:
      isi_net groupnets create groupnet1 --dns-servers 10.20.0.2
    """
    wanted = parse_groupnet_id(groupnet)

    def edit(configuration: Configuration) -> Configuration:
        if configuration.groupnet(wanted) is not None:
            raise Refused(f"there is a groupnet {wanted} already", todo="choose another name")
        return configuration.with_groupnet(
            edited(Groupnet(configuration.next_number, wanted.groupnet), given)
        )

    changing.publish(tree, edit)


@command.command()
@click.argument("groupnet", metavar="ID", shell_complete=complete.groupnets)
@settable(FIELDS)
@changing
@click.pass_obj
def modify(tree: Tree, groupnet: str, given: dict[str, Any], changing: Changing) -> None:
    """Changes a groupnet, ID.

    \b
    Examples:
      isi_net groupnets modify groupnet0 --add-dns-search example.com
      isi_net groupnets modify groupnet0 --dns-servers 10.20.0.2,10.20.0.3 --dry-run
    """
    wanted = parse_groupnet_id(groupnet)

    def edit(configuration: Configuration) -> Configuration:
        return configuration.with_groupnet(edited(_existing(configuration, wanted), given))

    changing.publish(tree, edit)


@command.command()
@click.argument("groupnet", metavar="ID", shell_complete=complete.groupnets)
@changing
@click.pass_obj
def delete(tree: Tree, groupnet: str, changing: Changing) -> None:
    """Deletes a groupnet, ID, with its subnets and pools.

    \b
    Examples:
      isi_net groupnets delete groupnet1
    """
    wanted = parse_groupnet_id(groupnet)
    _existing(load(tree), wanted)
    changing.ask(f"Are you sure you want to delete the groupnet {wanted} with all in it?")
    changing.publish(tree, lambda configuration: configuration.without_groupnet(wanted))


def _existing(configuration: Configuration, wanted: GroupnetId) -> Groupnet:
    found = configuration.groupnet(wanted)
    if found is None:
        raise NotFound(f"there is no groupnet {wanted}", todo="see isi_net groupnets list")
    return found
