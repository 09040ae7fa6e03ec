"""`isi_net flexnet`: the published addresses on this node's interfaces."""

import click

from isi_net import services, settings
from isi_net.cli import exits
from isi_net.cli.grammar import Verbs
from isi_net.cli.output import Column, Record
from isi_net.cli.records import problem_lines, problem_record, time_text
from isi_net.cli.show import Showing, listing, viewing
from isi_net.cli.stdout import warn
from isi_net.model.service import FLEXNET
from isi_net.store.tree import Tree

# flexnet/status.py is loaded where it is used: shells ask for this noun's verbs without netlink.


@click.group(cls=Verbs)
def command() -> None:
    """The published addresses on this node's interfaces."""


COMMANDS = (Column("command", "Command"),)
COMMANDS_VIEW = (Column("nic", "NIC"), *COMMANDS)


@command.command()
@listing
@click.pass_obj
def plan(tree: Tree, showing: Showing) -> None:
    """Lists what would be done to this node's interfaces, as commands of ip(8); changes nothing.

    It is the same whether or not the service flexnet is enabled; nothing is listed when all is as it should
    be.  What cannot be done is said on stderr.

    \b
    Examples:
      isi_net flexnet plan
      isi_net flexnet plan --no-header --no-footer
    """
    from isi_net.flexnet import status as now  # noqa: PLC0415 - netlink

    known = settings.load(tree)
    found = now.read(tree, settings.node_of(known, tree), known.interfaces).plan
    for finding in found.findings:
        if finding.severity != "info":
            warn(str(finding))
    showing.records([{"nic": one.nic, "command": str(one)} for one in found.steps], COMMANDS, COMMANDS_VIEW)


def _address_lines(value: list[Record]) -> list[str]:
    """Addresses as people read them: `ext-1 (ens5) 10.20.30.11/24 applied`."""
    return [
        f"{one['interface'] or '-'} ({one['nic']}) {one['address']}/{one['prefixlen']} {one['state']}"
        for one in value
    ]


VIEW = (
    Column("enabled", "Enabled"),
    Column("revision", "Revision"),
    Column("applied_revision", "Applied Revision"),
    Column("applied", "Applied"),
    Column("addresses", "Addresses", _address_lines),
    Column("differences", "Differences"),
    Column("findings", "Findings", problem_lines),
)


@command.command()
@viewing
@click.pass_context
def status(context: click.Context, showing: Showing) -> None:
    """Shows what this node's interfaces have of what the configuration gives them, and what differs.

    Exits 0 when they have all of it, 1 when anything differs or a finding is a warning or an error.

    \b
    Examples:
      isi_net flexnet status
      isi_net flexnet status --format json
    """
    from isi_net.flexnet import status as now  # noqa: PLC0415 - netlink

    tree: Tree = context.obj
    known = settings.load(tree)
    found = now.read(tree, settings.node_of(known, tree), known.interfaces)
    shown = {
        "enabled": bool(services.wishes(tree).enabled(FLEXNET)),
        "revision": found.revision,
        "applied_revision": found.applied.revision or None,
        "applied": time_text(found.applied.when) if found.applied.revision else None,
        "addresses": [
            {
                "interface": one.interface,
                "nic": one.nic,
                "address": str(one.address),
                "prefixlen": one.prefixlen,
                "pool": None if one.pool is None else str(one.pool),
                "state": one.state,
                "revision": one.revision,
                "since": time_text(one.since),
            }
            for one in found.rows
        ],
        "differences": [str(one) for one in found.plan.steps],
        "findings": [problem_record(one) for one in found.findings],
    }
    showing.record(shown, VIEW)
    context.exit(exits.FAILED if found.differs else exits.DONE)
