"""`isi_net merger`: the IP Merger's role."""

import time

import click

from isi_net.cli import exits
from isi_net.cli.dhcp import problem_lines, problem_record, time_text
from isi_net.cli.grammar import Verbs
from isi_net.cli.output import Column, Record
from isi_net.cli.show import Showing, viewing
from isi_net.merger import status as state
from isi_net.settings import load
from isi_net.store.tree import Tree

VIEW = (
    Column("held", "Held"),
    Column("devid", "DevID"),
    Column("lnn", "LNN"),
    Column("node", "Node"),
    Column("pid", "PID"),
    Column("term", "Term"),
    Column("since", "Since"),
    Column("revision", "Revision"),
    Column("last_turn", "Last Turn"),
    Column("reports", "Reports"),
    Column("findings", "Findings", problem_lines),
)


def record(status: state.Status) -> Record:
    """The role as scripts read it: whoever is named holds it, and nobody is when it is free."""
    holder = status.tenure if status.held else None
    return {
        "held": status.held,
        "devid": holder.devid if holder else None,
        "lnn": holder.lnn if holder else None,
        "node": holder.node if holder else None,
        "pid": holder.pid if holder else None,
        "term": status.tenure.term if status.tenure else None,
        "since": time_text(int(holder.since)) if holder else None,
        "revision": status.revision,
        "last_turn": time_text(int(status.last_turn)) if status.last_turn is not None else None,
        "reports": status.reports,
        "findings": [problem_record(one) for one in status.findings],
    }


@click.group(cls=Verbs)
def command() -> None:
    """The IP Merger's role."""


@command.command()
@viewing
@click.pass_context
def status(context: click.Context, showing: Showing) -> None:
    """Shows who has the IPMerger role, and what it makes of the reports.

    Exits 0 when the role is held, 1 when nobody holds it, 3 when its holder ended no turn for three
    deadlines.

    \b
    Examples:
      isi_net merger status
      isi_net merger status --format json
    """
    tree: Tree = context.obj
    found = state.read(tree, load(tree).deadline, time.time())
    showing.record(record(found), VIEW)
    context.exit(exits.STALLED if found.stalled else exits.DONE if found.held else exits.FAILED)
