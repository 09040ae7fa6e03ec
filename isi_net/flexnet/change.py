"""A person's change to the configuration: made from what is published, checked, and published by compare
and swap; who loses the race reads again and tries again.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from isi_net.errors import Conflict, Error, Refused, Unwritable
from isi_net.flexnet import published
from isi_net.flexnet.publish import publish
from isi_net.flexnet.second_names import Members, SecondName
from isi_net.model.changes import changes
from isi_net.model.check import check, newly
from isi_net.model.finding import Finding
from isi_net.model.guard import Guarded, guard
from isi_net.model.network import Configuration
from isi_net.model.static import with_addresses, without_address
from isi_net.store import atomic, revisions
from isi_net.store.tree import Tree

TRIES = 10  # in some five seconds: twenty commands at once, started by one script, all come through


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
    guarded: bool = True,
    addressed: bool = False,
    pause: Callable[[float], None] = time.sleep,
) -> Changed:
    """Publishes what `edit` makes of the current configuration, as a new revision by `author`.

    `edit` is called again on what somebody else published meanwhile.  A change that changes nothing
    publishes nothing.  Retiring a node is not `guarded`: it takes leased addresses away, which nothing
    else does by hand.  What comes `addressed` has the addresses of its interfaces by hand already, or is
    to have none.  Raises Refused for what a rule forbids, and Conflict after ten lost races.
    """
    for attempt in range(TRIES):
        base = published.current(tree)
        before = base.configuration
        after = edit(before)
        if not addressed and not after.same_network(before):
            after = with_addresses(after, before)
        lines = tuple(changes(before, after))
        if after.same_network(before):
            return Changed((), (), before.revision)
        judged = guard(before, after, force) if guarded else Guarded((), ())
        for refusal in (*judged.refusals, *newly(check, before, after)):
            raise Refused(f"{refusal.place}: {refusal.message}", todo=refusal.action)
        lacking = newly(without_address, before, after)
        if dry_run:
            return Changed(lines, (*judged.warnings, *lacking), before.revision)
        after = replace(after, term=before.term, published=int(time.time()), author=author)
        try:
            revision, warnings = _publish(tree, base, after)
        except Conflict:
            pause(0.01 * 2**attempt * os.urandom(1)[0] / 255)  # by chance, lest the same ones meet again
            continue
        return Changed(lines, (*judged.warnings, *lacking, *warnings), revision)
    winner = published.load(tree)
    raise Conflict(
        f"somebody published first {TRIES} times; the last was {winner.author}",
        f"revision {winner.revision}",
        "try again",
    )


def _publish(tree: Tree, before: published.Published, after: Configuration) -> tuple[int, Iterable[Finding]]:
    with _staging(tree) as directory:
        after = publish(tree, directory, before, after, lambda: None).configuration
        try:
            return after.revision, list(_settle(tree, directory, after))
        except Error as error:
            # It is published, whatever happens now: to call that a failure would have it made twice.
            todo = "the merger's next turn puts it right"
            late = Finding(tree.configuration, "second_name_late", "warning", str(error), todo)
            return after.revision, (late,)


def _settle(tree: Tree, directory: str, after: Configuration) -> Iterator[Finding]:
    """Makes the second names say what is published."""
    current = revisions.current(tree)
    if current.number == after.revision:  # else somebody else has followed, and puts these right
        if aside := SecondName(tree).settle(directory, current):
            what, todo = f"was changed with an editor; that lies at {aside}", "look whether it is needed"
            yield Finding(tree.configuration, "edited_by_hand", "warning", what, todo)
        Members(tree).settle(directory, after, lambda: None)


@contextmanager
def _staging(tree: Tree) -> Iterator[str]:
    """A staging directory of our own, which the fence leaves alone: compare and swap protects us."""
    directory = tree.command_staging(os.urandom(8).hex())
    atomic.make_directory(directory)
    try:
        yield directory
    finally:
        with suppress(Unwritable):  # the merger sweeps it after an hour
            atomic.remove(directory)
