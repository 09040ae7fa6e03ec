"""The published configuration, as everybody reads it."""

from isi_net.errors import FormatError
from isi_net.formats import flx_config
from isi_net.model.network import Configuration
from isi_net.store import revisions
from isi_net.store.tree import Tree


def load(tree: Tree) -> Configuration:
    """The current configuration; an empty one, revision 0, on a cluster that has published none."""
    return parse(revisions.current(tree))


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

    Listing the revisions on the shared file system is what it costs; a new one is read.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._known: tuple[int, revisions.Revision, Configuration] | None = None

    def look(self) -> tuple[revisions.Revision, Configuration]:
        """The current revision and the configuration that it holds, the very same as last time when there is
        no other.  Raises Unreadable or FormatError.
        """
        highest = max(revisions.numbers(self._tree), default=0)
        if self._known is None or self._known[0] != highest or not highest:
            revision = revisions.current(self._tree)
            self._known = highest, revision, parse(revision)
        return self._known[1:]

    def note(self, revision: revisions.Revision, configuration: Configuration) -> None:
        """Takes note of what whoever follows has just published: it need not be read."""
        self._known = revision.number, revision, configuration

    @property
    def last(self) -> Configuration | None:
        """The last one that could be read; None when none ever could."""
        return self._known[2] if self._known is not None else None
