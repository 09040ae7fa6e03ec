"""The command line: one file a noun, loaded when it is used.

A noun's file says its options, asks, and names its columns; `output.py` draws, `exits.py` says which
error ends in which exit status.  Verbs that take long to load, and that reading does not need, have a file
of their own: see `changing`.
"""

import os
import sys
from collections.abc import Sequence

import click

from isi_net import __version__
from isi_net.cli import complete, exits
from isi_net.cli.grammar import Nouns, instead
from isi_net.cli.stdout import drop_unwritten
from isi_net.errors import Error
from isi_net.store.tree import Tree

NOUNS = {
    "cloud": "Which cloud this node is in.",
    "config": "The network configuration as published.",
    "daemon": "Runs this node's reporter, merger and services.",
    "demo": "A cluster of four nodes in a directory, at work.",
    "dhcp": "What DHCP servers leased.",
    "flexnet": "The published addresses on this node's interfaces.",
    "groupnets": "Groupnets: subnets that share name resolution.",
    "ifs": "The shared file system, checked.",
    "interfaces": "Interfaces of the nodes, with the pools that own them.",
    "merger": "The IP Merger's role.",
    "pools": "Pools of addresses.",
    "reports": "What each node reports of its leases.",
    "services": "Services of this node: its DHCP clients, and Flexnet.",
    "settings": "What holds for the whole cluster.",
    "subnets": "Subnets of groupnets.",
    "upgrade": "The upgrade from an earlier release, until it is committed.",
}


@click.group(
    cls=Nouns,
    nouns=NOUNS,
    context_settings={"max_content_width": 100},
    epilog="See isi_net(8) for exit statuses, files and recipes for cron.",
)
@click.option(
    "--root",
    envvar="ISI_NET_ROOT",
    default="/",
    metavar="DIR",
    help="The node's own prefix.  [/]",
    shell_complete=complete.directories,
)
@click.option(
    "--ifs",
    envvar="ISI_NET_IFS",
    default="",
    metavar="DIR",
    help="The shared prefix.  [ROOT/ifs]",
    shell_complete=complete.directories,
)
@click.option("--version", help="Show the version and exit.", **instead(lambda _: f"isi_net {__version__}"))
@click.pass_context
def isi_net(context: click.Context, root: str, ifs: str) -> None:
    """Externally managed network pools: the addresses that a cloud leases, followed by a cluster.

    Everything here reads and changes the same files as the daemons do, also while every daemon is down.
    """
    context.obj = Tree(root, ifs)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command, the one that the process was started with unless `arguments` are given.

    Ends the process (SystemExit) with the command's exit status.
    """
    if instruction := os.environ.get("_ISI_NET_COMPLETE"):
        from isi_net.cli.shells import answer  # noqa: PLC0415 - a shell asks what TAB offers

        sys.exit(answer(isi_net, "isi_net", instruction))
    try:
        status = isi_net.main(arguments, prog_name="isi_net", standalone_mode=False)
    except click.exceptions.Abort:
        status = exits.INTERRUPTED
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (Error, OSError) as error:
        if os.environ.get("ISI_NET_DEBUG"):
            raise
        click.echo(f"Error: {exits.line(error)}", err=True)
        drop_unwritten()
        status = exits.of(error)
    sys.exit(status or 0)
