"""`isi_net upgrade`: what a cluster that comes from an earlier release gets at once, and for good."""

import time

import click

from isi_net import __version__
from isi_net.cli import exits
from isi_net.cli.change import Changing, author, changing
from isi_net.cli.grammar import Verbs
from isi_net.cli.output import Column, Record
from isi_net.cli.records import problem_lines, problem_record, time_text
from isi_net.cli.show import Showing, viewing
from isi_net.cli.stdout import say, warn
from isi_net.flexnet.published import load
from isi_net.merger import upgrade as state
from isi_net.store.tree import Tree


def _node_lines(value: list[Record]) -> list[str]:
    return [
        f"{one['devid']} {one['node'] or '-'} {one['version'] or '-'}"
        + (f": {one['why_not']}" if one["why_not"] else "")
        for one in value
    ]


VIEW = (
    Column("committed", "Committed"),
    Column("release", "Release"),
    Column("nodes", "Nodes", _node_lines),
    Column("changes", "Changes"),
    Column("findings", "Findings", problem_lines),
)


def record(status: state.Status) -> Record:
    """How far the upgrade is; a node's `why_not` says why the commit must wait for it."""
    return {
        "committed": status.committed,
        "release": status.release or None,
        "nodes": [
            {
                "devid": one.devid,
                "lnn": one.lnn,
                "node": one.node or None,
                "version": one.version or None,
                "reported_at": time_text(one.reported_at),
                "why_not": one.why_not or None,
            }
            for one in status.nodes
        ],
        "changes": list(status.changes),
        "findings": [problem_record(one) for one in status.findings],
    }


@click.group(cls=Verbs)
def command() -> None:
    """The upgrade from an earlier release, until it is committed."""


@command.command()
@viewing
@click.pass_context
def status(context: click.Context, showing: Showing) -> None:
    """Shows whether the upgrade is committed; else what runs on each node, and what the commit would do.

    Exits 0 when it is committed, and 1 when it is not.

    \b
    Examples:
      isi_net upgrade status
      isi_net upgrade status --format json
    """
    tree: Tree = context.obj
    found = state.read(tree, __version__, time.time())
    showing.record(record(found), VIEW)
    context.exit(exits.DONE if found.committed else exits.FAILED)


@command.command()
@changing
@click.pass_obj
def commit(tree: Tree, changing: Changing) -> None:
    """Commits the upgrade, for the whole cluster at once: from then on leases are merged.

    There is no way back. Refused while a node that lives runs an earlier version of the daemon, and,
    without --force, while a node that the pools name has no report. A static pool that holds its members'
    leased addresses becomes externally managed.

    \b
    Examples:
      isi_net upgrade commit --dry-run
      isi_net upgrade commit
    """
    if load(tree).settings.committed:
        warn("the upgrade is committed already")
        return
    changing.ask("Are you sure you want to commit the upgrade? There is no way back.")
    done = state.commit(tree, __version__, author(), force=changing.force, dry_run=changing.dry_run)
    for warning in done.warnings:
        warn(str(warning))
    if changing.dry_run:
        say(done.lines)
