"""The fence: a holder publishes out of its own term's directory, and the next holder takes that away.

A holder that was paused, or cut off from the file server, finds its directory gone (ENOENT) however late
its rename arrives: the file server itself refuses it (measured on GlusterFS and MooseFS, where a plain rename
that was issued before the takeover was carried out 35 s after it).
"""

import os

from isi_net.errors import Fenced, LockLost, Unwritable
from isi_net.store import atomic
from isi_net.store.read import Stamp, names
from isi_net.store.tree import COMMAND_PREFIX, TENURE, TERM, Tree, number_in

_ABANDONED_SECONDS = 3600


def terms(tree: Tree) -> list[int]:
    """Every term that left a trace: a staging directory or a tenure."""
    ended = (number_in(name, TENURE) for name in names(tree.tenures))
    return [*_staged(tree), *(term for term in ended if term is not None)]


def _staged(tree: Tree) -> list[int]:
    """The terms that have a staging directory."""
    return [term for name in names(tree.staging) if (term := number_in(name, TERM)) is not None]


def enter(tree: Tree, term: int) -> str:
    """Makes the staging directory of `term`, then removes every older one; gives back its path.

    The order is the fence: the directory is made here and never again, and the older ones are gone before
    anything is read or published.  Raises LockLost when somebody has that term already, or (we were paused
    before the directory was made) a newer one: its holder has swept already, and would never fence us.
    """
    directory = tree.term_staging(term)
    atomic.make_directory(tree.staging)
    try:
        atomic.make_new_directory(directory)
    except FileExistsError:
        raise LockLost(f"term {term} is taken", directory, "this node stands in line again") from None
    others = [other for other in _staged(tree) if other != term]
    if max(others, default=0) > term:
        atomic.remove(directory)
        raise LockLost(f"term {term} is over already", directory, "this node stands in line again")
    for older in others:
        atomic.remove(tree.term_staging(older))
    return directory


def check(directory: str) -> None:
    """Raises Fenced when the staging directory is gone: a newer holder has taken over."""
    if not os.path.isdir(directory):
        raise Fenced("a newer holder has taken over", directory, "this node stands in line again")


def sweep_commands(tree: Tree, now: float) -> None:
    """Removes what commands staged and left behind an hour ago or more (`now` in seconds since the epoch)."""
    for name in names(tree.staging):
        path = os.path.join(tree.staging, name)
        if name.startswith(COMMAND_PREFIX) and is_abandoned(path, now):
            atomic.remove(path)


def is_abandoned(path: str, now: float) -> bool:
    """Whether what lies at `path` was staged so long ago that nobody will put it anywhere any more."""
    try:
        return now - os.lstat(path).st_mtime > _ABANDONED_SECONDS
    except OSError:
        return False


def stage(directory: str, name: str, data: bytes) -> str:
    """Writes `data` into a staging directory; Fenced when the directory is gone."""
    try:
        return atomic.stage(directory, name, data)
    except FileNotFoundError:
        raise Fenced("a newer holder has taken over", directory, "this node stands in line again") from None


def put(directory: str, target: str, data: bytes) -> Stamp:
    """Makes `target` a file of `data`, out of a staging directory; Fenced when that is gone.

    Gives back the stamp of what was put there, whatever lies there by now.
    """
    atomic.make_directory(os.path.dirname(target))
    staged = stage(directory, os.path.basename(target), data)
    try:
        stamp = Stamp.of(os.stat(staged))
        atomic.publish(staged, target)
    except FileNotFoundError:
        raise Fenced("a newer holder has taken over", staged, "this node stands in line again") from None
    except Unwritable:
        atomic.remove(staged)
        raise
    except OSError as error:
        raise atomic.explain(error, staged) from error
    return stamp
