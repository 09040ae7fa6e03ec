"""What this node's interfaces have and should have, for people: asked of the kernel and the files just now,
whether or not the daemon runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from typing import Literal, NamedTuple

from isi_net.flexnet import published
from isi_net.flexnet.apply import state_file
from isi_net.flexnet.netlink import Kernel
from isi_net.model.applying import Plan, our_addresses, plan
from isi_net.model.finding import Finding
from isi_net.model.names import PoolId
from isi_net.model.network import Node
from isi_net.model.nics import Applied, AppliedAddress, Present
from isi_net.model.wanted import Wanted, wanted
from isi_net.store.tree import Tree

State = Literal["applied", "foreign", "missing", "duplicate", "kept"]


class Row(NamedTuple):
    """One address of this node, as it is.

    `foreign`: somebody else put it there, and it serves; `duplicate`: a machine on the network uses it, and
    only somebody else may have put it here all the same;
    `kept`: it is ours and there, and the configuration does not give it to that NIC.  `revision` and
    `since` (seconds since the epoch) are known of those that are ours.
    """

    interface: str
    nic: str
    address: IPv4Address
    prefixlen: int
    pool: PoolId | None
    state: State
    revision: int | None
    since: int | None


@dataclass(frozen=True, slots=True)
class Status:
    """How a node stands to revision `revision`; `applied` is what the daemon wrote down when it last did
    something."""

    revision: int
    applied: Applied
    rows: tuple[Row, ...]
    plan: Plan

    @property
    def differs(self) -> bool:
        """Whether anything is not as it should be."""
        return (
            bool(self.plan.steps)
            or any(one.state not in ("applied", "foreign") for one in self.rows)
            or any(one.severity != "info" for one in self.findings)
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(sorted({*self.plan.findings, *self.applied.findings}))


def read(tree: Tree, node: Node, interfaces: Mapping[str, str]) -> Status:
    """How `node` stands to what is published; `interfaces` maps the cluster's names to the NICs'.

    Raises Refused on a system without netlink, and what reading the configuration raises.
    """
    configuration = published.load(tree)
    should = wanted(configuration, node, interfaces)
    with Kernel() as kernel:
        present = kernel.present(should.destinations)
    file = state_file(tree)
    applied = file.lying_there() or Applied()
    made = plan(should, present, applied, refused=dict(applied.duplicates), state_file=file.path)
    return Status(should.revision, applied, tuple(_rows(should, present, applied)), made)


def _rows(should: Wanted, present: Present, applied: Applied) -> list[Row]:
    ours = our_addresses(should, present, applied)
    here = {(nic, address.ip) for nic, address in ours}
    there = {(one.nic, one.address.ip) for one in present.addresses}
    written = {(one.nic, one.address.ip): one for one in applied.addresses}
    duplicates = {address for address, _ in applied.duplicates}
    rows, known = [], set()
    for one in should.addresses:
        key = (one.nic, one.address.ip)
        known.add(key)
        state: State = "missing"
        if one.address.ip in duplicates:
            state = "duplicate"
        elif key in here:
            state = "applied"
        elif key in there:
            state = "foreign"
        was = written.get(key) if key in here else None
        rows.append(Row(one.interface, one.nic, *_split(one.address), one.pool, state, *_when(was)))
    for nic, address in sorted(ours):
        if (nic, address.ip) not in known:
            was = written.get((nic, address.ip))
            rows.append(Row("", nic, *_split(address), None, "kept", *_when(was)))
    return rows


def _split(address: IPv4Interface) -> tuple[IPv4Address, int]:
    return address.ip, address.network.prefixlen


def _when(was: AppliedAddress | None) -> tuple[int | None, int | None]:
    return (None, None) if was is None else (was.revision, was.since)
