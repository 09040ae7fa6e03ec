"""The upgrade of a cluster that comes from an earlier release: how far it is, and its commit.

Everything is read from the disk, so it is the same answer while every daemon is down.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from isi_net.errors import Refused
from isi_net.flexnet import published
from isi_net.flexnet.change import Changed, change
from isi_net.model.changes import changes
from isi_net.model.check import check, newly
from isi_net.model.finding import Finding
from isi_net.model.network import Configuration
from isi_net.model.static import without_address
from isi_net.model.text import first_few
from isi_net.model.upgrade import Running, running, silent, upgraded
from isi_net.reporter import inbox
from isi_net.store.tree import Tree

_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Status:
    """Whether the upgrade is committed, by which release; what runs where; and what the commit would do, a
    line a difference as the commit itself says it, with what a person should know of it: errors among the
    findings would refuse it, though not that of a silent node a commit with force.
    """

    committed: bool
    release: str
    nodes: tuple[Running, ...]
    changes: tuple[str, ...]
    findings: tuple[Finding, ...]


def read(tree: Tree, program: str, now: float) -> Status:
    """The state at `now` (seconds since the epoch), as a program of version `program` sees it."""
    before, reports = published.load(tree), inbox.reports(tree)
    after = upgraded(before, reports, now)
    lacking = newly(without_address, before, after.configuration)
    refusals = newly(check, before, after.configuration)
    return Status(
        committed=before.settings.committed,
        release=before.settings.release,
        nodes=running(reports, program, now),
        changes=tuple(changes(before, after.configuration)),
        findings=(*silent(before, reports), *lacking, *after.findings, *refusals),
    )


def commit(
    tree: Tree,
    program: str,
    author: str,
    *,
    force: bool = False,
    dry_run: bool = False,
    clock: Callable[[], float] = time.time,
) -> Changed:
    """Commits the upgrade, as one published revision: for the whole cluster at once, or not at all.

    With `dry_run` nothing is published.  Raises Refused while a living node runs less than `program`, the
    version of the one who asks, and, but with `force`, while a node that the pools name has no report; all
    are asked again for every try to publish.  `clock` is in seconds since the epoch.
    """
    warnings: tuple[Finding, ...] = ()

    def edit(before: Configuration) -> Configuration:
        nonlocal warnings
        now, reports = clock(), inbox.reports(tree)
        if not before.settings.committed:
            _refuse_for([one for one in running(reports, program, now) if one.why_not], tree)
        unheard = silent(before, reports)
        if not force:
            _refuse_for_silent(unheard, tree)
        made = upgraded(before, reports, now)
        warnings = (*unheard, *made.findings)
        return made.configuration

    done = change(tree, edit, author=author, dry_run=dry_run, guarded=False, addressed=True)
    return Changed(done.lines, (*done.warnings, *warnings), done.revision)


def _refuse_for(waiting: Sequence[Running], tree: Tree) -> None:
    if waiting:
        raise Refused(
            f"the upgrade cannot be committed yet: {_named([f'{one}: {one.why_not}' for one in waiting])}",
            tree.reports,
            "start this release's daemon there, or retire a node that is gone: isi_net reports delete DEVID",
        )


def _refuse_for_silent(unheard: Sequence[Finding], tree: Tree) -> None:
    if unheard:
        who = _named([f"{one.place}: {one.message}" for one in unheard])
        raise Refused(f"the upgrade cannot be committed yet: {who}", tree.reports, unheard[0].action)


def _named(nodes: Sequence[str]) -> str:
    """Each of `nodes` is a sentence, with commas of its own."""
    return first_few(nodes, _NAMED_AT_MOST, ", and ")
