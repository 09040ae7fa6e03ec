"""Whether a DHCP client of ours is to run on an interface, and why: what somebody said, else the rules.

By itself one runs where an externally managed pool follows its lease.  So that a node can get into such a
pool at all, one runs on the first external interface of a node in a cloud as long as none of its interfaces
is in one: the first node of a cluster makes the pool, and those that come later find it there.
"""

from collections.abc import Iterable
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
    the node is in no externally managed pool, empty where it is in no cloud.
    """
    if wish is not None:
        return Choice(wish, True, "enabled by hand" if wish else "disabled by hand")
    pools = {where: _interfaces(node, pool) for where, pool in network.pools() if pool.externally_managed}
    where = next((str(where) for where, members in pools.items() if interface in members), None)
    if where is not None:
        return Choice(True, False, f"it is in {where}")
    if interface == first_of and not any(pools.values()):
        return Choice(True, False, "it is the first external interface of a node in a cloud")
    return Choice(False, False, "it is in no externally managed pool")


def _interfaces(node: Node, pool: Pool) -> set[str]:
    """The node's interfaces in the pool, leased and made by hand: leases know its devid, people its LNN."""
    leased = {one.interface for one in pool.assignments if one.devid == node.devid}
    return leased.union(one.name for one in pool.manual_ifaces if one.lnn == node.lnn)


def first_external(interfaces: Iterable[str]) -> str:
    """The first external interface, `ext-1` where there is one; empty where no `ext-*` is."""
    return min((name for name in interfaces if name.startswith(_EXTERNAL)), key=_counted, default="")


def _counted(name: str) -> tuple[int, str]:
    """`ext-2` before `ext-10`."""
    return len(name), name
