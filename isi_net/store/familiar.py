"""Whether the shared directory is the one that this node knows.

A shared file system that is not mounted looks like a new cluster, of which nothing is published: a merger
would make it one, out of this node's lease alone.  So a node remembers, on its own disk, that it has seen
something published; where nothing is, it then waits.  Whatever else lies where it remembers that counts as
such a memory: only a node that has none may begin a new cluster.
"""

import os

from isi_net.errors import FormatError, Unknown, Unreadable, Unwritable
from isi_net.model.finding import Finding
from isi_net.store import atomic
from isi_net.store.read import names, read
from isi_net.store.tree import REVISION, Tree, number_in

_MAX_BYTES = 1 << 16
_CANNOT_BE = frozenset("\0\n")  # in a path that was written here


def refuse_emptiness(tree: Tree) -> None:
    """For who just found nothing published: raises Unknown when this node has, or may have, seen what was.

    The directory is not looked at again: a second answer might be another, and count for the first one.
    """
    todo = f"mount the shared file system; or, if a new cluster is to begin there, delete {tree.joined}"
    try:
        remembered = _is_remembered(tree)
    except (Unreadable, FormatError) as why:
        what = f"nothing is published in {tree.flexnet}, and whether something was cannot be told: {why.what}"
        raise Unknown(what, tree.joined, todo) from why
    if remembered:
        what = "nothing is published here, though this node has seen that something was"
        raise Unknown(what, tree.flexnet, todo)


def refuse_unfamiliar(tree: Tree) -> None:
    """For who found nothing of something else here: raises Unknown as `refuse_emptiness`, where nothing is
    published either.
    """
    if not _published(tree):
        refuse_emptiness(tree)


class Familiar:
    """Looks for the daemon, before each turn, whether the shared directory is the one it knows."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._joined = False

    def look(self) -> tuple[Finding, ...]:
        """Raises Unknown as `refuse_emptiness`; a finding says that this cannot be remembered just now."""
        if not _published(self._tree):
            refuse_emptiness(self._tree)
        elif not self._joined:
            try:
                if not _is_well_remembered(self._tree):
                    atomic.replace(self._tree.joined, _mark(self._tree))
                self._joined = True
            except Unwritable as why:
                what = f"that this node has seen something published cannot be remembered: {why.what}"
                return (Finding(why.where, "joined_unwritable", "warning", what, why.todo),)
        return ()


def _published(tree: Tree) -> bool:
    """Whether there are revisions; or a configuration of an earlier release, or brought by a person.

    Raises Unreadable.
    """
    if os.path.lexists(tree.configuration):
        return True
    return any(number_in(name, REVISION) is not None for name in names(tree.revisions))


def _is_well_remembered(tree: Tree) -> bool:
    """Whether the memory is sound, and of this `--ifs`; else it is to be written anew."""
    try:
        return _is_remembered(tree)
    except (Unreadable, FormatError):
        return False


def _is_remembered(tree: Tree) -> bool:
    """Whether this node has seen something published at this very `--ifs`, by whatever name.

    Raises Unreadable or FormatError when there is something that cannot be understood.
    """
    try:
        data = read(tree.joined, _MAX_BYTES)[0]
    except Unreadable as why:
        if isinstance(why.__cause__, FileNotFoundError) and not os.path.islink(tree.joined):
            return False
        raise
    path = os.fsdecode(data.removesuffix(b"\n"))
    if not data.endswith(b"\n") or not os.path.isabs(path) or not _CANNOT_BE.isdisjoint(path):
        raise FormatError("it holds no path", tree.joined)
    return path == tree.ifs or os.path.realpath(path) == os.path.realpath(tree.ifs)


def _mark(tree: Tree) -> bytes:
    return os.fsencode(f"{tree.ifs}\n")
