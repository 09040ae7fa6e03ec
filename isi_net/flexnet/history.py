"""The revisions that are kept: what each changed, who did it, and how any of them looked."""

import os

from isi_net.errors import FormatError, NotFound, Unreadable
from isi_net.flexnet import published
from isi_net.formats import flx_config
from isi_net.model.network import Configuration
from isi_net.store import revisions
from isi_net.store.familiar import refuse_unfamiliar
from isi_net.store.read import read
from isi_net.store.tree import Tree


def heads(tree: Tree) -> list[Configuration]:
    """Every kept revision's own facts, the newest first; their networks are not read.

    Of one that cannot be read, its number, and what is wrong in the place of the change.  Raises Unreadable
    where there is none because the shared file system is not mounted.
    """
    found = []
    if not (kept := revisions.numbers(tree)):
        refuse_unfamiliar(tree)
    for number in reversed(kept):
        path = tree.revision(number)
        try:
            found.append(flx_config.head(read(path, revisions.MAX_BYTES)[0], path))
        except (Unreadable, FormatError) as error:
            if os.path.lexists(path):  # else it was pruned while we looked
                found.append(Configuration(number, change=f"cannot be read: {error}"))
    return found


def revision(tree: Tree, number: int) -> Configuration:
    """One revision, 0 being the empty one before the first; NotFound when it is not kept."""
    if number == 0:
        return Configuration()
    kept = revisions.numbers(tree)
    if number not in kept:
        known = f"{kept[0]} to {kept[-1]} are kept" if kept else "none is kept yet"
        raise NotFound(f"there is no revision {number}", todo=known)
    path = tree.revision(number)
    return published.parse(revisions.Revision(number, read(path, revisions.MAX_BYTES)[0], path))


def of_file(path: str) -> Configuration:
    """The configuration in a file; Unreadable, or FormatError with line and rule when it does not fit."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise Unreadable("not a regular file", path, "name one, or - for standard input")
    return of_bytes(read(path, revisions.MAX_BYTES)[0], path)


def of_bytes(data: bytes, name: str) -> Configuration:
    """The configuration in `data`; FormatError, in which `name` is the place, with line and rule."""
    configuration = flx_config.parse(data, name)
    flx_config.validate(data, name)
    return configuration
