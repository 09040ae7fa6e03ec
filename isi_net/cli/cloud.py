"""`isi_net cloud`: which cloud this node is in."""

import click

from isi_net.cli.grammar import Verbs
from isi_net.cli.output import Column, Record
from isi_net.cli.records import problem_lines, problem_record
from isi_net.cli.show import Showing, viewing
from isi_net.model.cloud import Verdict
from isi_net.node.cloud import NodeCloud
from isi_net.node.leases import node_leases
from isi_net.settings import load
from isi_net.store.tree import Tree


def _lines(value: list[Record]) -> list[str]:
    return [
        f"{one['where']}: {one['value']}" + (f" ({' or '.join(one['managers'])})" if one["managers"] else "")
        for one in value
    ]


VIEW = (
    Column("manager", "External Manager"),
    Column("explicit", "Explicit"),
    Column("evidence", "Evidence", _lines),
    Column("findings", "Findings", problem_lines),
)


def record(verdict: Verdict) -> Record:
    """The verdict as scripts read it: no manager where the evidence contradicts itself."""
    return {
        "manager": verdict.manager or None,
        "explicit": verdict.explicit,
        "evidence": [
            {"where": one.where, "value": one.value, "managers": list(one.managers)}
            for one in verdict.evidence
        ],
        "findings": [problem_record(one) for one in verdict.findings],
    }


@click.group(cls=Verbs)
def command() -> None:
    """Which cloud this node is in."""


@command.command()
@viewing
@click.pass_obj
def view(tree: Tree, showing: Showing) -> None:
    """Shows who allocates this node's addresses, and by what evidence; no network is asked.

    The external manager is a cloud, or DHCP where nothing speaks for one; it is nobody while the evidence
    contradicts itself, and what isi_net.toml names where it names one.

    \b
    Examples:
      isi_net cloud view
      isi_net cloud view --format json
    """
    settings = load(tree)
    verdict = NodeCloud(tree, settings).by_leases(node_leases(tree, settings).read())
    showing.record(record(verdict), VIEW)
