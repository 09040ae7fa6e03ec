"""What else says what the current configuration says, for people and programs: `flx_config.xml` and the
`pool_members` files.  They are put right whenever they say something else.
"""

import os
from collections.abc import Callable

from isi_net.errors import FormatError, NewerSchema, Unknown, Unreadable, Unwritable
from isi_net.formats import flx_config, pool_members, times
from isi_net.model.finding import Finding
from isi_net.model.network import Configuration
from isi_net.store import atomic, revisions, staging
from isi_net.store.read import Stamp, names, read, read_seen, stamp_at
from isi_net.store.tree import MEMBERS, Tree

_EDITED = ".edited-"


def refuse_newer(tree: Tree, current: revisions.Revision) -> None:
    """Raises NewerSchema when a newer release wrote `flx_config.xml`: then nothing at all is published."""
    try:
        if stamp_at(tree.configuration) is None:
            return
        data, _ = _read(tree.configuration)
        if data != current.data:
            flx_config.head(data, tree.configuration)
    except NewerSchema:
        raise
    except (Unreadable, FormatError):
        return  # what it is instead, the one who puts it right will find


def edited_by_hand(tree: Tree) -> tuple[Finding, ...]:
    """A finding about the last configuration that was edited, until it lies aside no more.

    Raises Unreadable when the directory cannot be listed.
    """
    edited = [name for name in names(tree.flexnet) if name.startswith(f"{flx_config.NAME}{_EDITED}")]
    if not edited:
        return ()
    aside = os.path.join(tree.flexnet, max(edited))
    what = f"was changed with an editor; it is not obeyed, and lies at {aside}"
    todo = f"see it: isi_net config diff {aside}; publish it: isi_net config import {aside}; then remove it"
    return (Finding(tree.configuration, "edited_by_hand", "warning", what, todo),)


class SecondName:
    """Keeps `flx_config.xml` what it should be: the current configuration's second name.

    One that lags (a publisher died between its two steps) is put right.  One that is no revision at all
    was made with an editor: it is neither obeyed nor thrown away, but kept aside under a name that says
    when.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._good: tuple[revisions.Revision, Stamp] | None = None

    def settle(self, directory: str, current: revisions.Revision) -> str | None:
        """Puts `flx_config.xml` right, out of the staging directory `directory`.

        Gives back the path under which an edited one is kept aside, when there was one.  Raises
        NewerSchema, and touches nothing, when a newer release wrote it.
        """
        if not current.number:
            return None  # it is no second name, but the configuration itself
        path = self._tree.configuration
        stamp = stamp_at(path)
        if self._good == (current, stamp):
            return None
        aside = None
        if stamp is not None and (self._good is None or stamp != self._good[1]):
            if os.path.islink(path):
                raise Unwritable("not a regular file", path, "take away what lies there")
            data, stamp = _read(path)
            if data == current.data:
                self._good = current, stamp
                return None
            number = self._revision_of(data)
            if number is None:
                aside = self._set_aside(directory, stamp)
            elif number > current.number:
                return None  # somebody has published meanwhile: it never goes back
        self._put(directory, current)
        return aside

    def _put(self, directory: str, current: revisions.Revision) -> None:
        while True:
            self._good = current, staging.put(directory, self._tree.configuration, current.data)
            kept = revisions.numbers(self._tree)
            if not kept or kept[-1] <= current.number:
                return
            current = revisions.current(self._tree)  # somebody has published meanwhile: he was overwritten

    def _set_aside(self, directory: str, stamp: Stamp) -> str | None:
        """Gives the edited file another name besides its own, which is then taken by the right one.

        Two steps, so that a holder who was paused before the second, which the fence stops, has moved
        nothing.  The name says when it was edited: where the second step fails, the next turn finds it.
        """
        when = times.render(int(stamp.modified / 1e9)).replace(":", "")
        path = self._tree.configuration
        staging.check(directory)
        again = 1
        while True:
            aside = f"{path}{_EDITED}{when}" + (f"-{again}" if again > 1 else "")
            try:
                atomic.claim(path, aside)
                break
            except FileExistsError:
                again += 1
            except FileNotFoundError:
                return None
        if stamp_at(aside) != stamp:
            atomic.remove(aside)  # it was put right while we looked
            return None
        return aside

    def _revision_of(self, data: bytes) -> int | None:
        """The number of the revision that `data` is, None when it is none that is kept."""
        try:
            number = flx_config.head(data, self._tree.configuration).revision
        except NewerSchema:
            raise
        except FormatError:
            return None
        path = self._tree.revision(number)
        if not os.path.lexists(path):
            return None  # what is pruned is 64 revisions old: no second name of ours lags so far
        return number if _read(path)[0] == data else None


class Members:
    """Keeps the `pool_members` files: who holds which address of which pool, as published."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._good: dict[str, Stamp] = {}
        self._settled: Configuration | None = None

    def settle(self, directory: str, configuration: Configuration, may_publish: Callable[[], None]) -> None:
        """Makes the files say what `configuration` says, out of the staging directory `directory`.

        One that cannot be read just now is written: what it should say is known.  One that cannot be
        written does not keep the others from being put right; that is raised when they are.
        """
        wanted = {
            self._tree.members_of(*configuration.numbers(pool_id)): (pool_id, pool)
            for pool_id, pool in configuration.pools()
            if pool.externally_managed or pool.addresses
        }
        if configuration is not self._settled:
            self._good = {}
        failure: Unwritable | None = None
        for path, (pool_id, pool) in wanted.items():
            if self._is_good(path):
                continue
            data = pool_members.render(configuration.revision, pool_id, pool, configuration.nodes)
            try:
                self._good[path] = _stamp_of(path, data) or self._put(directory, path, data, may_publish)
            except Unwritable as error:
                failure = error
        if configuration is not self._settled:
            for name in names(self._tree.pool_members):
                path = os.path.join(self._tree.pool_members, name)
                if path not in wanted and MEMBERS.fullmatch(name):
                    may_publish()
                    atomic.remove(path)
            self._settled = configuration
        if failure is not None:
            raise failure

    def _is_good(self, path: str) -> bool:
        try:
            return path in self._good and self._good[path] == stamp_at(path)
        except Unreadable:
            return False

    @staticmethod
    def _put(directory: str, path: str, data: bytes, may_publish: Callable[[], None]) -> Stamp:
        may_publish()
        return staging.put(directory, path, data)


def _read(path: str) -> tuple[bytes, Stamp]:
    """The bytes of the file at `path`, which was just seen; one that stays empty is empty."""
    try:
        return read_seen(path, revisions.MAX_BYTES)
    except Unknown:
        return read(path, revisions.MAX_BYTES)


def _stamp_of(path: str, data: bytes) -> Stamp | None:
    """The stamp of the file at `path` when it holds `data`; None when it does not, or will not say."""
    try:
        found, stamp = read(path, revisions.MAX_BYTES)
    except Unreadable:
        return None
    return stamp if found == data else None
