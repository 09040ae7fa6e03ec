"""Publishing the configuration, by compare and swap.

Two kinds of author publish: the merger, out of its term's staging directory, and administrators'
commands, out of one of their own.  Both come through here.
"""

from collections.abc import Callable
from dataclasses import replace

from isi_net.errors import Conflict
from isi_net.flexnet.published import Published
from isi_net.flexnet.second_names import refuse_newer
from isi_net.formats import flx_config
from isi_net.model.changes import in_short
from isi_net.model.network import Configuration
from isi_net.store import revisions
from isi_net.store.read import stamp_at
from isi_net.store.tree import Tree

_CHANGE_CHARACTERS = 500


def publish(
    tree: Tree,
    directory: str,
    before: Published,
    after: Configuration,
    may_publish: Callable[[], None],
) -> Published:
    """Publishes `after` as the revision that follows `before`, out of the staging directory `directory`.

    `may_publish` is asked right before, and raises when the right to publish is gone.  Gives back what
    is published now.  Raises Conflict when `before` is not what is published any more, FormatError when
    `after` does not fit the schema, NewerSchema when a newer release wrote `flx_config.xml`.
    """
    number = before.configuration.revision + 1
    said = in_short(before.configuration, after, _CHANGE_CHARACTERS)
    after = replace(after, revision=number, change=said)
    # What cannot be read back is never published: nothing but an editor could take it away again.
    data = flx_config.render_checked(after, f"revision {number}")
    current = revisions.current(tree)
    refuse_newer(tree, current)
    if (current.number, current.data) != (before.revision.number, before.revision.data):
        raise Conflict("what is published was changed meanwhile", current.path)
    if not current.number and current.data:
        _adopt(tree, directory, before, may_publish)
    may_publish()
    revisions.publish(tree, directory, before.configuration.revision, number, data)
    path = tree.revision(number)
    return Published(revisions.Revision(number, data, path, stamp_at(path)), after)


def _adopt(tree: Tree, directory: str, brought: Published, may_publish: Callable[[], None]) -> None:
    """Gives the configuration that was `brought` (from an earlier release) its place among the revisions.

    One that says it is revision 0 has none there; its successor is revision 1.
    """
    data, number = brought.revision.data, brought.configuration.revision
    flx_config.validate(data, brought.revision.path)
    if number:
        may_publish()
        revisions.publish(tree, directory, 0, number, data)
