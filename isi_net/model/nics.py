"""What one node's NICs have, as its kernel tells it, and what of that we put there, as it was written down.

Values only: `wanted.py` says what the NICs should have, and `applying.py` how they come to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface
from typing import NamedTuple

from isi_net.model.finding import Finding
from isi_net.model.steps import Route, Rule

AddressKey = tuple[str, IPv4Interface]  # an address, with its prefix, on a NIC


@dataclass(frozen=True, slots=True)
class Link:
    """A NIC: whether it is set up, what MTU it has and can have (0: it does not say), its MAC, whether
    secondary addresses outlive their primary one, and whether the other end of its cable is alive."""

    nic: str
    up: bool
    mtu: int
    least_mtu: int = 0
    most_mtu: int = 0
    mac: str = ""
    promotes: bool = False
    carrier: bool = True


class PresentAddress(NamedTuple):
    """An address that a NIC has; `marked` with our protocol number."""

    nic: str
    address: IPv4Interface
    marked: bool = False
    secondary: bool = False


class PresentRoute(NamedTuple):
    """A route that is there; `marked` with our protocol number."""

    route: Route
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Present:
    """What a machine has.  `marks` says whether its kernel keeps the protocol numbers of addresses."""

    links: Mapping[str, Link] = field(default_factory=dict)
    addresses: tuple[PresentAddress, ...] = ()
    routes: tuple[PresentRoute, ...] = ()
    rules: frozenset[Rule] = frozenset()
    marks: bool = True


class AppliedAddress(NamedTuple):
    """An address that we put on a NIC: which revision said so, since when (seconds since the epoch), and the
    LNN that the node had then; 0 where that is not known."""

    nic: str
    address: IPv4Interface
    revision: int
    since: int
    lnn: int = 0


@dataclass(frozen=True, slots=True)
class Applied:
    """What was applied: the newest revision that was in full, when anything was last done (seconds since the
    epoch), and what could not be.

    `duplicates` are addresses that somebody else uses, with that one's MAC.
    """

    revision: int = 0
    when: int = 0
    addresses: tuple[AppliedAddress, ...] = ()
    duplicates: tuple[tuple[IPv4Address, str], ...] = ()
    findings: tuple[Finding, ...] = ()
