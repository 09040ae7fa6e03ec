"""The published configuration, as everybody reads it."""

from typing import NamedTuple

from isi_net.errors import FormatError
from isi_net.formats import flx_config
from isi_net.model.network import Configuration
from isi_net.store import revisions
from isi_net.store.read import stamp_at
from isi_net.store.tree import Tree


class Published(NamedTuple):
    """A configuration, and the revision that holds it."""

    revision: revisions.Revision
    configuration: Configuration


def current(tree: Tree) -> Published:
    """What is published; an empty configuration, revision 0, on a cluster that has published none."""
    revision = revisions.current(tree)
    return Published(revision, parse(revision))


def load(tree: Tree) -> Configuration:
    """The current configuration, as `current`."""
    return current(tree).configuration


def parse(revision: revisions.Revision) -> Configuration:
    """The configuration that a revision's bytes hold."""
    if not revision.data:
        return Configuration()
    configuration = flx_config.parse(revision.data, revision.path)
    if revision.number and configuration.revision != revision.number:
        what = f"it says that it is revision {configuration.revision}"
        raise FormatError(what, revision.path, "somebody renamed it: give it its own number again")
    return configuration


class Following:
    """Follows the published configuration for whoever needs it turn by turn.

    Listing the revisions on the shared file system, and a look at the newest, is what it costs; a new one is
    read, and so is one that a person moved, restored or edited.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._known: Published | None = None

    def look(self) -> Published:
        """What is published, the very same as last time when that has not changed.

        Raises Unreadable or FormatError.
        """
        highest = max(revisions.numbers(self.tree), default=0)
        if self._known is None or not self._is_still(self._known.revision, highest):
            self._known = current(self.tree)
        return self._known

    @staticmethod
    def _is_still(known: revisions.Revision, highest: int) -> bool:
        return bool(highest) and known.number == highest and known.stamp == stamp_at(known.path)

    def note(self, published: Published) -> None:
        """Takes note of what whoever follows has just published: it need not be read."""
        self._known = published

    @property
    def last(self) -> Configuration | None:
        """The last one that could be read; None when none ever could."""
        return self._known.configuration if self._known is not None else None
