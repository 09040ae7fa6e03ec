"""`isi_net config`: the network configuration as published."""

import click

from isi_net.cli import groupnets, pools, subnets
from isi_net.cli.dhcp import time_text
from isi_net.cli.grammar import Verbs
from isi_net.cli.output import Column, Record
from isi_net.cli.show import Showing, viewing
from isi_net.flexnet.published import load
from isi_net.model.names import PoolId, SubnetId
from isi_net.model.network import Assignment, Configuration
from isi_net.store.tree import Tree


def _tree_lines(value: list[Record]) -> list[str]:
    """The ids of everything, each behind what it is part of."""
    return [
        line
        for groupnet in value
        for line in (
            groupnet["id"],
            *(
                inner
                for subnet in groupnet["subnets"]
                for inner in (subnet["id"], *(pool["id"] for pool in subnet["pools"]))
            ),
        )
    ]


VIEW = (
    Column("revision", "Revision"),
    Column("term", "Term"),
    Column("published", "Published"),
    Column("author", "Author"),
    Column("change", "Change"),
    Column("nodes", "Nodes", lambda value: [f"{one['lnn']} {one['name']}" for one in value]),
    Column("groupnets", "Groupnets", _tree_lines),
)


def record(configuration: Configuration) -> Record:
    """The whole configuration: each part as its own `view` shows it, with its parts inside."""
    lnns = configuration.lnns()
    return {
        "revision": configuration.revision,
        "term": configuration.term,
        "published": time_text(configuration.published) if configuration.published else None,
        "author": configuration.author,
        "change": configuration.change,
        "nodes": [{"devid": one.devid, "lnn": one.lnn, "name": one.name} for one in configuration.nodes],
        "groupnets": [
            groupnets.record(groupnet)
            | {
                "subnets": [
                    subnets.record(SubnetId(groupnet.name, subnet.name), subnet)
                    | {
                        "pools": [
                            pools.record(
                                PoolId(groupnet.name, subnet.name, pool.name), pool, subnet.addr_family, lnns
                            )
                            | {"assignments": [_assignment(one) for one in pool.assignments]}
                            for pool in subnet.pools
                        ]
                    }
                    for subnet in groupnet.subnets
                ]
            }
            for groupnet in configuration.groupnets
        ],
    }


def _assignment(one: Assignment) -> Record:
    return {
        "address": str(one.address),
        "devid": one.devid,
        "interface": one.interface,
        "server": None if one.server is None else str(one.server),
    }


@click.group(cls=Verbs)
def command() -> None:
    """The network configuration as published."""


@command.command()
@viewing
@click.pass_obj
def view(tree: Tree, showing: Showing) -> None:
    """Shows the current configuration: its revision, and the tree of groupnets, subnets and pools.

    \b
    Examples:
      isi_net config view
      isi_net config view --format json
    """
    showing.record(record(load(tree)), VIEW)
