"""A person's change to the configuration: made from what is published, checked, and published by compare
and swap; who loses the race reads again and tries again.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from secrets import token_hex

from isi_net.errors import Conflict, Refused
from isi_net.flexnet import published
from isi_net.flexnet.second_names import Members, SecondName
from isi_net.formats import times
from isi_net.model.changes import changes
from isi_net.model.check import check
from isi_net.model.finding import Finding
from isi_net.model.guard import guard
from isi_net.model.network import Configuration
from isi_net.store import atomic, revisions
from isi_net.store.tree import Tree

TRIES = 5


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change did, or with `dry_run` would do: one line a difference, and what to warn of."""

    lines: tuple[str, ...]
    warnings: tuple[Finding, ...]
    revision: int


def change(
    tree: Tree,
    edit: Callable[[Configuration], Configuration],
    *,
    author: str,
    force: bool = False,
    dry_run: bool = False,
    pause: Callable[[float], None] = time.sleep,
) -> Changed:
    """Publishes what `edit` makes of the current configuration, as a new revision by `author`.

    `edit` is called again on what somebody else published meanwhile.  A change that changes nothing
    publishes nothing.  Raises Refused for what a rule forbids, and Conflict after five lost races.
    """
    for attempt in range(TRIES):
        before = published.load(tree)
        after = edit(before)
        lines = tuple(changes(before, after))
        if after.same_network(before):
            return Changed((), (), before.revision)
        judged = guard(before, after, force)
        known = set(check(before))
        for refusal in (*judged.refusals, *(one for one in check(after) if one not in known)):
            raise Refused(f"{refusal.place}: {refusal.message}", todo=refusal.action)
        if dry_run:
            return Changed(lines, judged.warnings, before.revision)
        after = replace(after, term=before.term, published=int(time.time()), author=author)
        try:
            revision = _publish(tree, before, after)
        except Conflict:
            pause(0.01 * 2**attempt)
            continue
        return Changed(lines, judged.warnings, revision)
    winner = published.load(tree)
    raise Conflict(
        f"somebody published first {TRIES} times; the last was {winner.author}",
        f"revision {winner.revision}",
        "try again",
    )


def _publish(tree: Tree, before: Configuration, after: Configuration) -> int:
    with _staging(tree) as directory:
        after = published.publish(tree, directory, before, after, lambda: None)
        current = revisions.current(tree)
        if current.number == after.revision:  # else somebody else has followed, and puts these right
            SecondName(tree).settle(directory, current, times.render(after.published).replace(":", ""))
            Members(tree).settle(directory, after, lambda: None)
        revisions.prune(tree)
    return after.revision


@contextmanager
def _staging(tree: Tree) -> Iterator[str]:
    """A staging directory of our own, which the fence leaves alone: compare and swap protects us."""
    directory = tree.command_staging(token_hex(8))
    atomic.make_directory(directory)
    try:
        yield directory
    finally:
        atomic.remove(directory)
