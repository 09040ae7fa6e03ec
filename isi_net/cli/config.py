"""`isi_net config`: the network configuration as published."""

import click

from isi_net.cli import complete, exits, groupnets, pools, settings, subnets
from isi_net.cli.change import Changing, changing
from isi_net.cli.grammar import Spelled, Verbs
from isi_net.cli.output import Column, Record
from isi_net.cli.records import FINDINGS, problem_record, time_text
from isi_net.cli.show import Showing, listing, viewing
from isi_net.cli.stdout import emit, say
from isi_net.flexnet import history as past
from isi_net.flexnet.published import load, parse
from isi_net.formats import flx_config
from isi_net.model import check as rules
from isi_net.model.carry import brought_in
from isi_net.model.changes import changes
from isi_net.model.names import PoolId, SubnetId
from isi_net.model.network import Assignment, Configuration
from isi_net.model.spellings import parse_number
from isi_net.store import revisions
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
    Column("settings", "Settings"),
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
        "settings": settings.record(configuration.settings),
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


MOST = 10**18 - 1  # a revision's number has 18 digits at the most

HISTORY = (
    Column("revision", "Revision"),
    Column("published", "Published"),
    Column("term", "Term"),
    Column("author", "Author"),
    Column("change", "Change", lambda value: value.split("; ")),
)


def head_record(head: Configuration) -> Record:
    """A revision's own facts."""
    return {
        "revision": head.revision,
        "published": time_text(head.published) if head.published else None,
        "term": head.term,
        "author": head.author,
        "change": head.change,
    }


@command.command()
@listing
@click.pass_obj
def history(tree: Tree, showing: Showing) -> None:
    """Lists the revisions that are kept, the newest first: who published each, and what it changed.

    \b
    Examples:
      isi_net config history
      isi_net config history --limit 5
    """
    showing.records([head_record(one) for one in past.heads(tree)], HISTORY)


@command.command()
@click.argument("a", required=False, metavar="[A]", shell_complete=complete.revisions_or_files)
@click.argument("b", required=False, metavar="[B]", shell_complete=complete.revisions_or_files)
@click.pass_obj
def diff(tree: Tree, a: str | None, b: str | None) -> None:
    """Prints what changed from A to B, a line a difference.

    Each is a revision or a file (`-`: standard input); B is the current configuration when it is left out,
    and A the one before it.

    \b
    Examples:
      isi_net config diff
      isi_net config diff 12
      isi_net config diff 12 14
    """
    current = load(tree)
    before = past.revision(tree, max(0, current.revision - 1)) if a is None else _either(tree, a)
    after = current if b is None else _either(tree, b)
    say(changes(before, after))


def _either(tree: Tree, named: str) -> Configuration:
    """The revision of that number, or the configuration in the file of that name."""
    return past.revision(tree, parse_number(0, MOST)(named)) if named.isdigit() else _of_file(named)


def _of_file(path: str) -> Configuration:
    """The configuration in a file, or on standard input."""
    if path != "-":
        return past.of_file(path)
    with click.open_file(path, "rb") as stdin:
        return past.of_bytes(stdin.read(revisions.MAX_BYTES + 1), "standard input")


@command.command()
@click.argument(
    "revision",
    type=Spelled("REVISION", parse_number(1, MOST)),
    metavar="REVISION",
    shell_complete=complete.revisions,
)
@changing
@click.pass_obj
def rollback(tree: Tree, revision: int, changing: Changing) -> None:
    """Publishes the network of an older REVISION again, as a new one.

    What external managers leased stays as it is now.

    \b
    Examples:
      isi_net config rollback 12 --dry-run
      isi_net config rollback 12
    """
    older = past.revision(tree, revision)
    changing.ask(f"Are you sure you want to go back to revision {revision}?")
    changing.publish(tree, lambda current: brought_in(older, current))


@command.command()
@click.argument("path", required=False, metavar="[FILE]", type=click.Path())
@listing
@click.pass_context
def check(context: click.Context, path: str | None, showing: Showing) -> None:
    """Checks the current configuration, or the one in FILE (`-`: standard input): its schema, and every rule.

    Lists what is wrong, and exits 1 when anything is.

    \b
    Examples:
      isi_net config check
      isi_net config check draft.xml --format json
    """
    tree: Tree = context.obj
    if path is None:
        current = revisions.current(tree)
        if current.data:
            flx_config.validate(current.data, current.path)
        configuration = parse(current)
    else:
        configuration = _of_file(path)
    found = rules.check(configuration)
    showing.records([problem_record(one) for one in found], FINDINGS)
    context.exit(exits.FAILED if found else exits.DONE)


@command.command()
@click.pass_obj
def export(tree: Tree) -> None:
    """Prints the current configuration as XML, as `import` takes it.

    \b
    Examples:
      isi_net config export > network.xml
    """
    emit(flx_config.render(load(tree)))


@command.command("import")
@click.argument("path", metavar="FILE", type=click.Path())
@changing
@click.pass_obj
def import_(tree: Tree, path: str, changing: Changing) -> None:
    """Publishes the network in FILE (`-`: standard input), XML as `export` prints it, as a new revision.

    It is checked as a whole; what external managers leased stays as it is now.

    \b
    Examples:
      isi_net config import network.xml --dry-run
      isi_net config import network.xml
    """
    brought = _of_file(path)
    changing.ask(f"Are you sure you want to publish the network in {path}?")
    changing.publish(tree, lambda current: brought_in(brought, current))
