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
