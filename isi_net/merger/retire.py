"""Retiring a node that is gone: its report, and with it its addresses."""

import os
import time
from collections.abc import Callable

from isi_net.errors import NotFound, Refused
from isi_net.flexnet import published
from isi_net.flexnet.change import change
from isi_net.model.changes import changes
from isi_net.model.retire import without_node
from isi_net.store import atomic
from isi_net.store.tree import Tree

# A daemon that lives puts its report back at its next turn; poll intervals are a second, as a rule.
_PATIENCE_SECONDS, _LOOKS = 2.5, 10


def what_goes(tree: Tree, devid: int) -> list[str]:
    """What retiring `devid` would change, a line each; NotFound when nothing is known of it."""
    path = tree.report(devid)
    before = published.load(tree)
    lines = [f"{path}: deleted"] if os.path.lexists(path) else []
    lines += changes(before, without_node(before, devid))
    if not lines:
        raise NotFound(f"nothing is known of devid {devid}", path, "see isi_net reports list")
    return lines


def retire(tree: Tree, devid: int, author: str, pause: Callable[[float], None] = time.sleep) -> None:
    """Deletes the report of `devid` and takes its leased addresses out of all pools.

    Raises Refused when its daemon lives: then the report is back within moments, which is what tells.
    """
    path = tree.report(devid)
    if os.path.lexists(path):
        atomic.remove(path)
        for _ in range(_LOOKS):
            pause(_PATIENCE_SECONDS / _LOOKS)
            if os.path.lexists(path):
                what = f"the daemon of devid {devid} lives: it has reported again"
                raise Refused(what, path, "stop it first")
    change(tree, lambda configuration: without_node(configuration, devid), author=author, guarded=False)
