"""`isi_net groupnets create`, `modify` and `delete`."""

from typing import Any

import click

from isi_net.cli import complete
from isi_net.cli.change import Changing, Field, changing, edited, settable
from isi_net.cli.grammar import Verb
from isi_net.errors import Refused
from isi_net.flexnet.published import load
from isi_net.model.names import check_name, parse_groupnet_id
from isi_net.model.network import MAX_DESCRIPTION, Configuration, Groupnet
from isi_net.model.spellings import parse_address, parse_domain, parse_switch, parse_text
from isi_net.store.tree import Tree

FIELDS = (
    Field("name", check_name, "NAME", "Rename it."),
    Field("description", parse_text(MAX_DESCRIPTION), "TEXT", "A remark, up to 128 characters."),
    Field("dns_servers", parse_address, "ADDRESS,...", "The DNS servers, three at most.", many=True),
    Field("dns_search", parse_domain, "DOMAIN,...", "The search domains, six at most.", many=True),
    Field("dns_options", parse_text(128, 1), "OPTION,...", "The resolver's options.", many=True),
    Field("dns_cache_enabled", parse_switch, "yes|no", "Whether DNS answers are cached."),
)


@click.command(cls=Verb)
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


@click.command(cls=Verb)
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
        return configuration.with_groupnet(edited(configuration.existing_groupnet(wanted), given))

    changing.publish(tree, edit)


@click.command(cls=Verb)
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
    load(tree).existing_groupnet(wanted)
    changing.ask(f"Are you sure you want to delete the groupnet {wanted} with all in it?")
    changing.publish(tree, lambda configuration: configuration.without_groupnet(wanted))
