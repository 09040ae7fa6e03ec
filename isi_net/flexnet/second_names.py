"""What else says what the current configuration says, for people and programs: `flx_config.xml` and the
`pool_members` files.  They are put right whenever they say something else.
"""

import os
from collections.abc import Callable

from isi_net.errors import FormatError, NewerSchema
from isi_net.formats import flx_config, pool_members
from isi_net.model.network import Configuration
from isi_net.store import atomic, revisions, staging
from isi_net.store.read import Stamp, names, read
from isi_net.store.tree import Tree


class SecondName:
    """Keeps `flx_config.xml` what it should be: the current configuration's second name.

    One that lags (a publisher died between its two steps) is put right.  One that is no revision at all
    was made with an editor: it is neither obeyed nor thrown away, but moved aside under a name that says
    when.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._good: tuple[int, Stamp] | None = None

    def settle(self, directory: str, current: revisions.Revision, when: str) -> str | None:
        """Puts `flx_config.xml` right, out of the staging directory `directory`.

        `when` is a time for the name under which an edited one is moved aside; gives back that path when
        there was one.  Raises NewerSchema, and touches nothing, when a newer release wrote it.
        """
        try:
            stamp = Stamp.of(os.stat(self._tree.configuration))
        except FileNotFoundError:
            stamp = None
        number, good = self._good or (0, None)
        aside = None
        if stamp is not None and stamp != good:
            data, stamp = read(self._tree.configuration, revisions.MAX_BYTES)
            number = current.number if data == current.data else 0
            if not number and not self._is_a_revision(data):
                aside = f"{self._tree.configuration}.edited-{when}"
                atomic.publish(self._tree.configuration, aside)
        if stamp is None or number != current.number:
            stamp = revisions.put_second_name(self._tree, directory, current.data)
        self._good = (current.number, stamp)
        return aside

    def _is_a_revision(self, data: bytes) -> bool:
        try:
            number = flx_config.parse(data, self._tree.configuration).revision
        except NewerSchema:
            raise
        except FormatError:
            return False
        path = self._tree.revision(number)
        if not os.path.lexists(path):
            return False  # what is pruned is 64 revisions old: no second name of ours lags so far
        return read(path, revisions.MAX_BYTES)[0] == data


class Members:
    """Keeps the `pool_members` files: who holds which address of an externally managed pool, as published."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._good: dict[str, Stamp] = {}
        self._revision = -1

    def settle(self, directory: str, configuration: Configuration, may_publish: Callable[[], None]) -> None:
        """Makes the files say what `configuration` says, out of the staging directory `directory`."""
        wanted = {
            self._tree.members_of(*configuration.numbers(pool_id)): (pool_id, pool)
            for pool_id, pool in configuration.pools()
            if pool.externally_managed
        }
        if configuration.revision != self._revision:
            self._good = {}
        for path, (pool_id, pool) in wanted.items():
            if path in self._good and self._good[path] == _stamp(path):
                continue
            data = pool_members.render(configuration.revision, pool_id, pool, configuration.nodes)
            if _stamp(path) is None or read(path, revisions.MAX_BYTES)[0] != data:
                may_publish()
                staging.publish(staging.stage(directory, os.path.basename(path), data), path)
            stamp = _stamp(path)
            if stamp is not None:
                self._good[path] = stamp
        if configuration.revision != self._revision:
            for name in names(self._tree.pool_members):
                path = os.path.join(self._tree.pool_members, name)
                if path not in wanted:
                    may_publish()
                    atomic.remove(path)
            self._revision = configuration.revision


def _stamp(path: str) -> Stamp | None:
    try:
        return Stamp.of(os.stat(path))
    except FileNotFoundError:
        return None
