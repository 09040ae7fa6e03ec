"""`isi_net ifs`: the shared file system that all of this lies on."""

import signal
import sys
import time
from contextlib import ExitStack

import click

from isi_net.check import verdict
from isi_net.check.meeting import this_host
from isi_net.check.sound import STEPS, Progress, check
from isi_net.check.verdict import Verdict
from isi_net.cli import exits
from isi_net.cli.grammar import Verbs
from isi_net.cli.output import Column, Record
from isi_net.cli.show import Showing, listing
from isi_net.store.tree import Tree

_HEAD = (Column("check", "Check"), Column("verdict", "Verdict"), Column("said", "Measured"))
_TODO = Column("todo", "To Do", lambda value: value or [])
COLUMNS = (*_HEAD, _TODO)
VIEW = (
    *_HEAD,
    Column("measured", "Figure"),
    Column("unit", "Unit", lambda value: value or []),
    _TODO,
    Column("hosts", "Hosts"),
)


def record(found: Verdict, hosts: int) -> Record:
    """One verdict as scripts read it; `hosts` is how many took part."""
    return {
        "check": found.check,
        "verdict": found.state,
        "said": found.said,
        "measured": found.measured,
        "unit": found.unit,
        "todo": found.todo,
        "hosts": hosts,
    }


@click.group(cls=Verbs)
def command() -> None:
    """The shared file system, checked."""


@command.command("check")
@click.option("--hosts", type=click.IntRange(min=2), metavar="N", help="Begin as soon as N hosts are here.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0, max=3600),
    metavar="SECONDS",
    help="How long to wait for other hosts.  [10; with --hosts 60]",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1, max=600),
    default=3.0,
    show_default=True,
    metavar="SECONDS",
    help="How long each contest lasts.",
)
@listing
@click.pass_context
def check_(
    context: click.Context, hosts: int | None, wait: float | None, seconds: float, showing: Showing
) -> None:
    """Checks whether the locking of the shared directory is sound, with all hosts that run this at once.

    Start it on two or more hosts within a few seconds; they find each other in the directory below --ifs,
    and leave nothing there. It may run beside the daemons. What one host alone cannot tell is "unknown".

    Exits 0 when everything was tried and nothing is broken, else 1.

    \b
    Examples:
      isi_net ifs check
      isi_net ifs check --hosts 3 --format json
    """
    tree: Tree = context.obj
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    patience = wait if wait is not None else 60.0 if hosts else 10.0
    with ExitStack() as stack:
        taken_part, found = check(
            tree,
            this_host(),
            wanted=hosts,
            wait=patience,
            seconds=seconds,
            clock=time.time,
            progress=_progress(stack),
        )
    showing.records([record(one, len(taken_part)) for one in found], COLUMNS, VIEW)
    context.exit(exits.DONE if verdict.is_sound(found) else exits.FAILED)


def _progress(stack: ExitStack) -> Progress:
    """A bar on stderr until `stack` is left, where stderr is a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        return _silent
    bar = stack.enter_context(
        click.progressbar(
            length=len(STEPS) - 1,
            show_eta=False,
            item_show_func=lambda step: step or "",
            file=sys.stderr,
            update_min_steps=0,  # a step is named when it begins
        )
    )

    def show(step: str) -> None:
        bar.update(STEPS.index(step) - bar.pos, step)

    return show


def _silent(_step: str) -> None:
    pass
