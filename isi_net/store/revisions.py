"""The configuration's revisions: published by compare and swap, kept, and put right.

Revision n+1 is published by an exclusive link to `revisions/flx_config.<n+1>.xml`, which exactly one can win;
the current configuration is the highest number there.  `flx_config.xml` is its second name, for people and
programs: a copy of its own, so that an editor which writes in place cannot reach a revision through it.
"""

import contextlib
import os
from typing import NamedTuple

from isi_net.errors import Conflict, Unreadable, Unwritable
from isi_net.store import atomic, staging
from isi_net.store.read import Stamp, names, read_seen
from isi_net.store.tree import REVISION, Tree, number_in

KEPT = 64
MAX_BYTES = 64 << 20


class Revision(NamedTuple):
    """A published configuration: its number (0: there is none yet), its bytes, and where they were read.

    Nothing of ours ever changes one; a person can, and the `stamp` tells.
    """

    number: int
    data: bytes
    path: str
    stamp: Stamp | None = None


def numbers(tree: Tree) -> list[int]:
    """The numbers of the revisions that are kept, ascending."""
    found = (number_in(name, REVISION) for name in names(tree.revisions))
    return sorted(number for number in found if number is not None)


def current(tree: Tree) -> Revision:
    """The current configuration.

    On a cluster that has published nothing yet it is whatever `flx_config.xml` is (from an earlier
    release, or brought by a person), as number 0; and empty bytes when there is none.  Raises Unreadable,
    also where the shared directory cannot be the one that this node knows (`store/familiar.py`).
    """
    while kept := numbers(tree):
        path = tree.revision(kept[-1])
        try:
            return Revision(kept[-1], *_read(path))
        except Unreadable:
            if numbers(tree) == kept:  # else it was pruned while we looked: there is a higher one
                raise
    if not os.path.lexists(tree.configuration):
        from isi_net.store.familiar import refuse_emptiness  # noqa: PLC0415 - most clusters have something

        refuse_emptiness(tree)
        return Revision(0, b"", tree.configuration)
    return Revision(0, *_read(tree.configuration))


def _read(path: str) -> tuple[bytes, str, Stamp]:
    data, stamp = read_seen(path, MAX_BYTES)
    return data, path, stamp


def publish(tree: Tree, directory: str, base: int, number: int, data: bytes) -> None:
    """Publishes `data` as revision `number`, out of the staging directory `directory`; forgets the oldest.

    `base` is the revision that the change was made from, 0 when there was none.  Raises Conflict when
    somebody published first, Fenced when the staging directory is gone; then nothing of it is published.
    """
    atomic.make_directory(tree.revisions)
    staged = staging.stage(directory, f"flx_config.{number}.xml", data)
    target = tree.revision(number)
    try:
        atomic.claim(staged, target)
    except FileExistsError:
        atomic.remove(staged)
        raise Conflict(f"revision {number} was published by somebody else", target) from None
    except FileNotFoundError:
        staging.check(directory)
        raise Conflict(f"{staged} was swept away", target) from None
    kept = numbers(tree)
    base_is_gone = bool(base) and not os.path.lexists(tree.revision(base))
    if base_is_gone or max(kept, default=number) - number >= KEPT:
        # We slept through so many revisions that ours was free again: it is far too old.
        atomic.remove(target)
        atomic.remove(staged)
        raise Conflict(f"revision {number} was published and pruned long ago", target)
    # It is published, and one that stays keeps no other: what was staged goes with its directory, and whoever
    # publishes next tries the old ones again.
    for path in (staged, *map(tree.revision, kept[:-KEPT])):
        with contextlib.suppress(Unwritable):
            atomic.remove(path)
