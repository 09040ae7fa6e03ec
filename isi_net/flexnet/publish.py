"""Publishing the configuration, by compare and swap.

Two kinds of author publish: the merger, out of its term's staging directory, and administrators'
commands, out of one of their own.  Both come through here.
"""

from collections.abc import Callable
from dataclasses import replace

from isi_net.errors import Conflict
from isi_net.flexnet import published
from isi_net.flexnet.second_names import refuse_newer
from isi_net.formats import flx_config
from isi_net.model.changes import changes
from isi_net.model.network import Configuration
from isi_net.store import revisions
from isi_net.store.tree import Tree

_CHANGE_CHARACTERS = 500


def publish(
    tree: Tree,
    directory: str,
    before: Configuration,
    after: Configuration,
    may_publish: Callable[[], None],
    examined: flx_config.Examined | None = None,
) -> tuple[Configuration, revisions.Revision]:
    """Publishes `after` as the revision that follows `before`, out of the staging directory `directory`.

    `may_publish` is asked right before, and raises when the right to publish is gone; `examined` is for
    whoever publishes again and again.  Gives back the configuration as published, and its bytes.  Raises
    Conflict when somebody was faster, FormatError when it does not fit the schema, NewerSchema when a newer
    release wrote `flx_config.xml`.
    """
    said = "; ".join(changes(before, after))
    after = replace(after, revision=before.revision + 1, change=said[:_CHANGE_CHARACTERS])
    # What cannot be read back is never published: nothing but an editor could take it away again.
    data = (examined or flx_config.Examined()).render(after, f"revision {after.revision}")
    current = revisions.current(tree)
    refuse_newer(tree, current)
    if not current.number and current.data:
        _adopt(tree, directory, current, before, may_publish)
    may_publish()
    revisions.publish(tree, directory, before.revision, after.revision, data)
    return after, revisions.Revision(after.revision, data, tree.revision(after.revision))


def _adopt(
    tree: Tree,
    directory: str,
    brought: revisions.Revision,
    before: Configuration,
    may_publish: Callable[[], None],
) -> None:
    """Gives the configuration that was `brought` (from an earlier release) its place among the revisions.

    One that says it is revision 0 has none there; its successor is revision 1.
    """
    flx_config.validate(brought.data, brought.path)
    if published.parse(brought) != before:
        raise Conflict("it was changed meanwhile", brought.path)
    if before.revision:
        may_publish()
        revisions.publish(tree, directory, 0, before.revision, brought.data)
