"""An interface as its node finds it, and the inventory of all that a node has.

The words for status and type are OneFS 9.7's (its published API), which says of them no more than their
names do; what each means here is written where it is decided.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface, IPv6Interface
from typing import Literal

Status = Literal["up", "no_carrier", "active", "inactive", "disabled", "unknown"]

LOOPBACK = "loopback"
UNKNOWN_TYPE = "unknown"

_TYPES = {
    100: "fastgige",
    1_000: "gige",
    10_000: "10gige",
    25_000: "25gige",
    40_000: "40gige",
    100_000: "100gige",
}


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface of a node.

    `name` is the cluster's (`ext-1`), `nic_name` the kernel's (`ens5`).  `speed` is in Mbit/s, as in the
    API.  None is what the node cannot tell.  `addresses` carry their prefix; an interface's first one
    of a family is its primary one.
    """

    name: str
    nic_name: str
    status: Status = "unknown"
    type: str = UNKNOWN_TYPE
    mac: str | None = None
    mtu: int | None = None
    speed: int | None = None
    flags: tuple[str, ...] = ()
    addresses: tuple[IPv4Interface | IPv6Interface, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """All interfaces of one node.  It has no time of its own: it is written when, and only when, it
    differs, and the node's report says whether the node still lives."""

    devid: int
    lnn: int
    node: str
    interfaces: tuple[Interface, ...] = ()


def status_of(up: bool, running: bool) -> Status:
    """The status of a NIC that an administrator has set `up`, or not, and that has a carrier (`running`)."""
    if not up:
        return "inactive"
    return "up" if running else "no_carrier"


def type_of(loopback: bool, speed: int | None) -> str:
    """The API's word for a NIC of this `speed` in Mbit/s; `unknown` where it has none (virtual NICs)."""
    return LOOPBACK if loopback else _TYPES.get(speed or 0, UNKNOWN_TYPE)


def under_cluster_names(nics: Iterable[Interface], names: Mapping[str, str]) -> tuple[Interface, ...]:
    """A node's NICs under the cluster's `names` (`ext-1` for `ens5`), the others behind them under their own.

    A name whose NIC is not there stays, with nothing known of it.  A NIC is left out when its own name
    is the cluster's for another one: a name is one interface's.
    """
    found = {nic.nic_name: nic for nic in nics}
    named = [
        replace(found.get(nic_name, Interface(name, nic_name)), name=name)
        for name, nic_name in sorted(names.items())
    ]
    spoken_for = {*names, *names.values()}
    return (*named, *(nic for nic_name, nic in sorted(found.items()) if nic_name not in spoken_for))
