"""The fence: a holder publishes out of its own term's directory, and the next holder takes that away.

A holder that was paused, or cut off from the file server, finds its directory gone (ENOENT) however late
its rename arrives: the file server itself refuses it (measured on GlusterFS and MooseFS, where a plain rename
that was issued before the takeover was carried out 35 s after it).
"""

import os

from isi_net.errors import Fenced, LockLost
from isi_net.store import atomic
from isi_net.store.read import names
from isi_net.store.tree import COMMAND_PREFIX, Tree, number_in

_ABANDONED_SECONDS = 3600


def terms(tree: Tree) -> list[int]:
    """Every term that left a trace: a staging directory or a tenure."""
    found = [number_in(name) for directory in (tree.staging, tree.tenures) for name in names(directory)]
    return [term for term in found if term is not None]


def enter(tree: Tree, term: int) -> str:
    """Makes the staging directory of `term`, then removes every older one; gives back its path.

    The order is the fence: the directory is made here and never again, and the older ones are gone before
    anything is read or published.  Raises LockLost when somebody has that term already.
    """
    directory = tree.term_staging(term)
    atomic.make_directory(tree.staging)
    try:
        atomic.make_new_directory(directory)
    except FileExistsError:
        raise LockLost(f"term {term} is taken", directory, "this node stands in line again") from None
    for name in names(tree.staging):
        older = number_in(name)
        if older is not None and older < term:
            atomic.remove(os.path.join(tree.staging, name))
    return directory


def check(directory: str) -> None:
    """Raises Fenced when the staging directory is gone: a newer holder has taken over."""
    if not os.path.isdir(directory):
        raise Fenced("a newer holder has taken over", directory, "this node stands in line again")


def sweep_commands(tree: Tree, now: float) -> None:
    """Removes what commands staged and left behind an hour ago or more (`now` in seconds since the epoch)."""
    for name in names(tree.staging):
        path = os.path.join(tree.staging, name)
        if name.startswith(COMMAND_PREFIX) and now - _modified(path, now) > _ABANDONED_SECONDS:
            atomic.remove(path)


def _modified(path: str, otherwise: float) -> float:
    try:
        return os.lstat(path).st_mtime
    except FileNotFoundError:
        return otherwise


def stage(directory: str, name: str, data: bytes) -> str:
    """Writes `data` into a staging directory; Fenced when the directory is gone."""
    try:
        return atomic.stage(directory, name, data)
    except FileNotFoundError:
        raise Fenced("a newer holder has taken over", directory, "this node stands in line again") from None


def publish(staged: str, target: str) -> None:
    """Renames `staged` to `target`; Fenced when it, or its directory, is gone."""
    try:
        atomic.publish(staged, target)
    except FileNotFoundError:
        if not os.path.lexists(os.path.dirname(target)):
            atomic.make_directory(os.path.dirname(target))
            return publish(staged, target)
        raise Fenced("a newer holder has taken over", staged, "this node stands in line again") from None
