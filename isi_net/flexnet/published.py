"""The published configuration: read by everybody, changed by compare and swap.

Two kinds of author publish: the merger, out of its term's staging directory, and administrators'
commands, out of one of their own.  Both come through here.
"""

from collections.abc import Callable
from dataclasses import replace

from isi_net.errors import FormatError
from isi_net.formats import flx_config
from isi_net.model.changes import changes
from isi_net.model.network import Configuration
from isi_net.store import revisions
from isi_net.store.read import read
from isi_net.store.tree import Tree

_CHANGE_CHARACTERS = 500


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


def publish(
    tree: Tree,
    directory: str,
    before: Configuration,
    after: Configuration,
    may_publish: Callable[[], None],
) -> Configuration:
    """Publishes `after` as the revision that follows `before`, out of the staging directory `directory`.

    `may_publish` is asked right before, and raises when the right to publish is gone.  Gives back the
    configuration as published.  Raises Conflict when somebody was faster, FormatError when it does not
    fit the schema.
    """
    _adopt(tree, directory, before)
    said = "; ".join(changes(before, after))
    after = replace(after, revision=before.revision + 1, change=said[:_CHANGE_CHARACTERS])
    data = flx_config.render(after)
    flx_config.validate(data, f"revision {after.revision}")
    may_publish()
    revisions.publish(tree, directory, before.revision, after.revision, data)
    return after


def _adopt(tree: Tree, directory: str, before: Configuration) -> None:
    """Gives a configuration that has no revision yet (from an earlier release) its place among them."""
    if before.revision and not revisions.numbers(tree):
        data, _ = read(tree.configuration, revisions.MAX_BYTES)
        revisions.publish(tree, directory, 0, before.revision, data)
