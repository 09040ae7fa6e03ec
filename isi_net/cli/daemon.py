"""`isi_net daemon`: this node's reporter, merger and services."""

import click

from isi_net.cli import exits
from isi_net.cli.grammar import Verb
from isi_net.model.text import printable
from isi_net.store.tree import Tree


@click.command(cls=Verb)
@click.option("--once", is_flag=True, help="Make one turn, give the role back and end.")
@click.pass_context
def command(context: click.Context, once: bool) -> None:
    """Runs this node's IP Reporter, IP Merger, DHCP clients and Flexnet, in the foreground.

    SIGTERM ends it: the role is given back, and no lease is. SIGHUP has it read its settings again and open
    its log file again.

    \b
    Examples:
      isi_net daemon
      isi_net --root /srv/node1 --ifs /srv/ifs daemon --once
    """
    from isi_net.daemon.wiring import run  # noqa: PLC0415 - `daemon --help` needs none of it

    tree: Tree = context.obj
    failures = run(tree, once)
    for failure in failures:
        click.echo(f"Error: {printable(failure)}", err=True)
    context.exit(exits.FAILED if failures else exits.DONE)
