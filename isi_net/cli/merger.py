"""`isi_net merger`: the IP Merger's role."""

import time

import click

from isi_net.cli import complete, exits
from isi_net.cli.grammar import Verbs
from isi_net.cli.output import Column, Record
from isi_net.cli.records import problem_lines, problem_record, time_text
from isi_net.cli.show import Showing, listing, viewing
from isi_net.cli.stdout import warn
from isi_net.errors import Refused
from isi_net.flexnet import published
from isi_net.merger import explain as reasons
from isi_net.merger import status as state
from isi_net.model.changes import changes
from isi_net.model.merge import merge
from isi_net.model.network import Place
from isi_net.model.tenure import Tenure
from isi_net.reporter import inbox
from isi_net.settings import load
from isi_net.store import atomic
from isi_net.store.familiar import refuse_unfamiliar
from isi_net.store.lock import is_held
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
    last = status.tenure
    holder = last if status.held and last is not None and not last.ended else None
    return {
        "held": status.held,
        "devid": holder.devid if holder else None,
        "lnn": holder.lnn if holder else None,
        "node": holder.node if holder else None,
        "pid": holder.pid if holder else None,
        "term": status.tenure.term if status.tenure else None,
        "since": time_text(holder.since) if holder else None,
        "revision": status.revision,
        "last_turn": time_text(status.last_turn),
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
    settings = load(tree)
    found = state.read(tree, max(settings.deadline, settings.poll_interval), time.time())
    showing.record(record(found), VIEW)
    context.exit(exits.STALLED if found.stalled else exits.DONE if found.held else exits.FAILED)


HISTORY = (
    Column("term", "Term"),
    Column("devid", "DevID"),
    Column("lnn", "LNN"),
    Column("node", "Node"),
    Column("from", "From"),
    Column("until", "Until"),
    Column("ended", "Ended"),
)


def tenure_record(tenure: Tenure, last_turn: float, in_office: bool) -> Record:
    """One tenure; of a holder that could not say goodbye, `until` is when it last ended a turn."""
    until = tenure.until if tenure.ended else last_turn
    return {
        "term": tenure.term,
        "devid": tenure.devid,
        "lnn": tenure.lnn,
        "node": tenure.node,
        "pid": tenure.pid,
        "from": time_text(tenure.since),
        "until": None if in_office else time_text(until),
        "ended": None if in_office else tenure.ended or "died",
    }


@command.command()
@listing
@click.pass_obj
def history(tree: Tree, showing: Showing) -> None:
    """Lists who had the role, the newest first: from when until when, and why it ended.

    \b
    Examples:
      isi_net merger history
      isi_net merger history --limit 3 --format json
    """
    held = is_held(tree.merger_lock)
    if not (kept := list(state.tenures(tree))):
        refuse_unfamiliar(tree)
    shown = [tenure_record(one, last, held and one is kept[0][0] and not one.ended) for one, last in kept]
    showing.records(shown, HISTORY)


@command.command("step-down")
@click.pass_obj
def step_down(tree: Tree) -> None:
    """Asks the holder of the role to give it to another node.

    It does so at its next turn; where no other node stands in line, it takes the role again after 5 s.

    \b
    Examples:
      isi_net merger step-down
    """
    tenure, _ = next(state.tenures(tree), (None, None))
    if tenure is None:
        refuse_unfamiliar(tree)
    if tenure is None or not is_held(tree.merger_lock):
        raise Refused("nobody has the role", tree.merger_lock, "start isi_net daemon on a node")
    atomic.replace(tree.step_down, f"{tenure.term}\n".encode())


@command.command()
@viewing
@click.pass_obj
def plan(tree: Tree, showing: Showing) -> None:
    """Shows what the merger's next turn would do, from what lies on the disk; changes nothing.

    \b
    Examples:
      isi_net merger plan
      isi_net merger plan --format json
    """
    before = published.load(tree)
    merged = merge(before, inbox.reports(tree), time.time())
    found = {
        "revision": before.revision,
        "changes": list(changes(before, merged.configuration)),
        "findings": [problem_record(one) for one in merged.findings],
    }
    showing.record(found, PLAN)


PLAN = (
    Column("revision", "Revision"),
    Column("changes", "Changes"),
    Column("findings", "Findings", problem_lines),
)


@command.command()
@click.pass_context
def run(context: click.Context) -> None:
    """Makes one turn of the merger by hand, when the role is free.

    \b
    Examples:
      isi_net merger run
    """
    from isi_net.daemon.wiring import merge_once  # noqa: PLC0415 - no other verb needs the daemon

    tree: Tree = context.obj
    turn = merge_once(tree)
    for finding in turn.findings:
        warn(str(finding))


EXPLAINED = (
    Column("place", "Interface"),
    Column("step", "Step"),
    Column("where", "Where"),
    Column("says", "Says"),
)


@command.command()
@click.argument("asked", metavar="ADDRESS|NODE|POOL", shell_complete=complete.explainable)
@listing
@click.pass_obj
def explain(tree: Tree, asked: str, showing: Showing) -> None:
    """Explains why an address is where it is, or is not: from its lease to its pool.

    Asked for a node (its LNN or name) or a pool, it explains every address that belongs there.

    \b
    Examples:
      isi_net merger explain 10.20.30.11
      isi_net merger explain GLaDOS-3
      isi_net merger explain groupnet0.subnet0.pool0
    """
    steps = reasons.explain(tree, asked, time.time(), _lease_files(tree))
    shown = [{"place": one.place, "step": one.step, "where": one.where, "says": one.says} for one in steps]
    showing.records(shown, EXPLAINED)


def _lease_files(tree: Tree) -> dict[Place, str]:
    """Where this node's leases lie, each with the number of the block that counts; none on no node."""
    from isi_net.dhcp.leases import of_file  # noqa: PLC0415 - no other verb reads leases
    from isi_net.node.leases import node_leases  # noqa: PLC0415

    settings = load(tree)
    if settings.node is None:
        return {}
    found: dict[Place, str] = {}
    for one in node_leases(tree, settings).read():
        if one.lease is not None and one.path is not None:
            blocks = [lease for lease, _ in of_file(one.path, None, one.interface, everything=True).leases]
            number = max(
                (at for at, lease in enumerate(blocks, 1) if lease == one.lease), default=len(blocks)
            )
            found[settings.node.devid, one.interface] = f"{one.path} block {number} of {len(blocks)}"
    return found
