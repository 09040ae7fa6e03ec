"""Whether a DHCP client of ours is to run on an interface, and why: what somebody said, else the rules.

By itself one runs where an externally managed pool follows its lease; and, so that a node can come into such
a pool at all, on the first external interface of one in a cloud as long as it has none there.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from isi_net.model.network import Configuration, Node, Pool

_EXTERNAL = "ext-"


class Choice(NamedTuple):
    """Whether the client is enabled, whether somebody said so, and why, in words."""

    enabled: bool
    by_hand: bool
    reason: str


def choose(interface: str, wish: bool | None, node: Node, network: Configuration, first_of: str) -> Choice:
    """Whether the client of this interface of the node is enabled.

    `wish` is what somebody said, None for nothing; `first_of` the interface that is to have a client while
    no externally managed pool has one of this node's, empty where the node is in no cloud.
    """
    if wish is not None:
        return Choice(wish, True, "enabled by hand" if wish else "disabled by hand")
    pools = {
        one: str(where)
        for where, pool in network.pools()
        if pool.externally_managed
        for one in _of_node(pool, node)
    }
    if interface in pools:
        return Choice(True, False, f"it is in {pools[interface]}")
    if not pools and interface == first_of:
        return Choice(True, False, "it is the first external interface of a node in a cloud")
    return Choice(False, False, "it is in no externally managed pool")


def _of_node(pool: Pool, node: Node) -> Iterator[str]:
    """The node's interfaces that are in the pool, by lease or by hand."""
    yield from (one.interface for one in pool.assignments if one.devid == node.devid)
    yield from (one.name for one in pool.manual_ifaces if one.lnn == node.lnn)


def first_external(interfaces: Iterable[str]) -> str:
    """The first external interface: `ext-*` before all others; empty where there is none."""
    return min(interfaces, key=lambda name: (not name.startswith(_EXTERNAL), _counted(name)), default="")


def _counted(name: str) -> tuple[int, str]:
    """`ext-2` before `ext-10`."""
    return len(name), name
