"""`isi_net settings`: what holds for the whole cluster."""

from dataclasses import replace
from typing import Any

import click

from isi_net.cli.change import Changing, Field, changing, edited, settable
from isi_net.cli.grammar import Verbs
from isi_net.cli.output import Column, Record
from isi_net.cli.show import Showing, viewing
from isi_net.flexnet.published import load
from isi_net.model.network import ClusterSettings, Configuration
from isi_net.model.spellings import parse_switch
from isi_net.store.tree import Tree

VIEW = (
    Column("release", "Release"),
    Column("on_premises_dhcp", "On-Premises DHCP"),
    Column("sbr", "Source-Based Routing"),
)


def record(settings: ClusterSettings) -> Record:
    """The cluster's settings; no release where an upgrade is not committed."""
    return {
        "release": settings.release or None,
        "on_premises_dhcp": settings.on_premises_dhcp,
        "sbr": settings.sbr,
    }


@click.group(cls=Verbs)
def command() -> None:
    """What holds for the whole cluster."""


@command.command()
@viewing
@click.pass_obj
def view(tree: Tree, showing: Showing) -> None:
    """Shows the cluster's settings.

    \b
    Examples:
      isi_net settings view
      isi_net settings view --format json
    """
    showing.record(record(load(tree).settings), VIEW)


FIELDS = (
    Field("on_premises_dhcp", parse_switch, "yes|no", "Whether leases count outside clouds."),
    Field("sbr", parse_switch, "yes|no", "Whether nodes route by source address."),
)


@command.command()
@settable(FIELDS)
@changing
@click.pass_obj
def modify(tree: Tree, given: dict[str, Any], changing: Changing) -> None:
    """Changes the cluster's settings.

    Externally managed pools are for clouds. With --on-premises-dhcp they are for DHCP servers on the
    premises as well; there an expired lease gives its address back.

    \b
    Examples:
      isi_net settings modify --on-premises-dhcp=true
      isi_net settings modify --sbr=true --dry-run
    """

    def edit(configuration: Configuration) -> Configuration:
        return replace(configuration, settings=edited(configuration.settings, given))

    changing.publish(tree, edit)
