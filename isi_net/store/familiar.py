"""Whether the shared directory is the one that this node knows.

A shared file system that is not mounted looks like a new cluster, of which nothing is published: a merger
would make it one, out of this node's lease alone.  So a node remembers, on its own disk, that it has seen
something published; where nothing is, it then waits.
"""

import os

from isi_net.errors import Unknown, Unreadable, Unwritable
from isi_net.model.finding import Finding
from isi_net.store import atomic
from isi_net.store.read import read
from isi_net.store.tree import Tree

_MAX_BYTES = 1 << 16


def refuse_unfamiliar(tree: Tree) -> None:
    """Raises Unknown when nothing is published here, though this node has seen what was."""
    if not _published(tree) and _is_remembered(tree):
        raise Unknown(
            "nothing is published here, though this node has seen that something was",
            tree.flexnet,
            f"mount the shared file system; or, if a new cluster is to begin there, delete {tree.joined}",
        )


class Familiar:
    """Looks for the daemon, before each turn, whether the shared directory is the one it knows."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._joined = False

    def look(self) -> tuple[Finding, ...]:
        """Raises Unknown as `refuse_unfamiliar`; a finding says that this cannot be remembered just now."""
        if not _published(self._tree):
            refuse_unfamiliar(self._tree)
        elif not self._joined:
            try:
                if not _is_remembered(self._tree):
                    atomic.replace(self._tree.joined, _mark(self._tree))
                self._joined = True
            except Unwritable as why:
                what = f"that this node has seen something published cannot be remembered: {why.what}"
                return (Finding(why.where, "joined_unwritable", "warning", what, why.todo),)
        return ()


def _published(tree: Tree) -> bool:
    """Whether there are revisions; or a configuration of an earlier release, or brought by a person."""
    return os.path.isdir(tree.revisions) or os.path.lexists(tree.configuration)


def _is_remembered(tree: Tree) -> bool:
    """Whether this node has seen something published at this very `--ifs`."""
    try:
        return read(tree.joined, _MAX_BYTES)[0] == _mark(tree)
    except Unreadable:
        return False


def _mark(tree: Tree) -> bytes:
    return f"{tree.ifs}\n".encode(errors="surrogateescape")
