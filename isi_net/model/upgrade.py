"""The upgrade that brings externally managed pools: who stands in its way, and what its commit makes.

Until then administrators of a cluster in a cloud put the primary addresses into a static pool by hand, as
the cloud had given them (the way of release 9.6).  Such a pool becomes what it meant to be: externally
managed, with its name, zone, members and SmartConnect settings, and at once with the addresses that its
members report, so that there is no moment without them.  What fits only in part is left alone, and a
finding says what to do while it can still be done: afterwards nobody can convert a pool.  Its interfaces get
the addresses that their nodes report, and none that the commit made up.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from isi_net.model.finding import Finding
from isi_net.model.merge import Heard, hear
from isi_net.model.names import PoolId
from isi_net.model.network import (
    EXTERNALLY_MANAGED,
    AggregationMode,
    Assignment,
    ClusterSettings,
    Configuration,
    GivenAddress,
    Iface,
    Node,
    Pool,
    Range,
    Subnet,
)
from isi_net.model.report import Report, UnreadReport
from isi_net.model.rules import AZURE, Claim, Owner, Spans, owners_in, why_refused, why_unfit
from isi_net.model.static import with_addresses
from isi_net.model.text import first_few
from isi_net.model.version import version

# What a static pool has whose interfaces nobody aggregated: there is nothing to lose in it.
_NOT_AGGREGATED: tuple[AggregationMode, ...] = ("none", "roundrobin")


@dataclass(frozen=True, slots=True)
class Running:
    """What runs on a node by its report, as of when (seconds since the epoch), and why the commit must wait
    for it; empty when it need not.  Of a report that cannot be read only the devid is known.
    """

    devid: int
    lnn: int | None = None
    node: str = ""
    version: str = ""
    reported_at: int | None = None
    why_not: str = ""

    def __str__(self) -> str:
        return f"node {self.devid}" + (f" {self.node}" if self.node else "")


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The configuration with the upgrade committed, and what a person should know of it."""

    configuration: Configuration
    findings: tuple[Finding, ...]


def running(reports: Iterable[Report | UnreadReport], program: str, now: float) -> tuple[Running, ...]:
    """What runs on each node; the commit waits for those that live and run less than version `program`.

    A node lives whose report is not old at `now` (seconds since the epoch); of one whose report cannot be
    read nobody knows, so the commit waits for it as well.
    """
    return tuple(_running(report, program, now) for report in reports)


def _running(report: Report | UnreadReport, program: str, now: float) -> Running:
    if isinstance(report, UnreadReport):
        return Running(report.devid, why_not=f"its report cannot be read: {report.finding.message}")
    why_not = ""
    theirs, ours = version(report.version), version(program)
    if not report.is_old(now) and (theirs is None or ours is None or theirs < ours):
        why_not = f"its daemon is of version {report.version or '(none)'}, this program of {program}"
    return Running(report.devid, report.lnn, report.node, report.version, report.reported_at, why_not)


def silent(configuration: Configuration, reports: Iterable[Report | UnreadReport]) -> tuple[Finding, ...]:
    """The nodes that pools name and of which there is no report: what an earlier release runs writes none.

    Each is in the way of the commit, which would leave their pools static for good; none is where the
    upgrade is committed.  Which LNN writes a report that cannot be read, nobody knows.
    """
    if configuration.settings.committed:
        return ()
    heard = {report.lnn for report in reports if isinstance(report, Report)}
    named: dict[int, PoolId] = {}
    for pool_id, pool in configuration.pools():
        for iface in pool.manual_ifaces:
            named.setdefault(iface.lnn, pool_id)
    return tuple(_silent(lnn, named[lnn]) for lnn in sorted(named.keys() - heard))


def _silent(lnn: int, pool_id: PoolId) -> Finding:
    return Finding(
        f"LNN {lnn}",
        "node_silent",
        "error",
        f"it is a member of {pool_id} and has no report: an earlier release may still run there",
        "start isi_net daemon there, or take the node out of its pools; when it is gone for good, the commit "
        "goes on with --force",
    )


def upgraded(configuration: Configuration, reports: Iterable[Report | UnreadReport], now: float) -> Upgraded:
    """`configuration` with the upgrade committed at `now`, in seconds since the epoch.

    One whose upgrade is committed already comes out as it went in.
    """
    if configuration.settings.committed:
        return Upgraded(configuration, ())
    findings: list[Finding] = []
    heard = hear(reports, ClusterSettings(), int(now), [])
    owners = owners_in(configuration)
    after = replace(configuration, settings=ClusterSettings())
    for subnet_id, subnet in configuration.subnets():
        for pool in subnet.pools:
            pool_id = PoolId(*subnet_id, pool.name)
            made = _converted(pool_id, pool, subnet, heard, owners)
            if isinstance(made, Pool):
                after = after.with_pool(subnet_id, made)
                findings += _left_over(pool_id, made)
            elif made is not None:
                findings.append(made)
    after = _with_nodes(after, heard.reports)
    return Upgraded(_with_addresses(after, configuration, heard, owners), tuple(findings))


def _converted(
    pool_id: PoolId, pool: Pool, subnet: Subnet, heard: Heard, owners: Spans[Owner]
) -> Pool | Finding | None:
    """The pool as externally managed; why it is not, though leased addresses lie in it; or None for a pool
    that is none of our business.
    """
    if pool.alloc_method != "static":
        return None
    inside = [
        claim
        for claim in heard.claims
        if not claim.lease.expired(heard.now)
        and any(one.holds(claim.lease.address) for one in pool.manual_ranges)
    ]
    if not inside:
        return None
    members, reasons = _members(pool_id, pool, subnet, inside, heard, owners)
    managers = sorted({claim.manager for claim in members})
    if len(managers) > 1:
        reasons.append(f"its members name different external managers: {', '.join(managers)}")
    if pool.aggregation_mode not in _NOT_AGGREGATED:
        reasons.append(f"its aggregation_mode is {pool.aggregation_mode}")
    if reasons:
        return _left_alone(pool_id, reasons)
    made = replace(
        pool,
        alloc_method=EXTERNALLY_MANAGED,
        external_manager=managers[0],
        aggregation_mode="none",
        manual_ranges=_without(pool.manual_ranges, {claim.lease.address for claim in members}),
        manual_ifaces=(),
        assignments=tuple(
            sorted(Assignment(claim.lease.address, *claim.place, claim.lease.server) for claim in members)
        ),
    )
    unfit = why_unfit(pool_id.subnet_id, subnet, made)
    return _left_alone(pool_id, [unfit[0]]) if unfit else made


def _members(
    pool_id: PoolId,
    pool: Pool,
    subnet: Subnet,
    inside: Sequence[Claim],
    heard: Heard,
    owners: Spans[Owner],
) -> tuple[list[Claim], list[str]]:
    """What each member of the pool is leased, and why members, if any, have nothing that counts."""
    lnns = {devid: report.lnn for devid, report in heard.reports.items()}
    times = Counter(claim.lease.address for claim in heard.claims)
    members: list[Claim] = []
    reasons: list[str] = []
    for iface in pool.manual_ifaces:
        its = [claim for claim in inside if Iface(lnns[claim.place[0]], claim.place[1]) == iface]
        if not its:
            reasons.append(f"no node reports an address in its ranges for {iface}")
        elif len(its) > 1:
            reasons.append(f"several nodes call themselves LNN {iface.lnn}")
        elif times[its[0].lease.address] > 1:
            reasons.append(f"{its[0].lease.address} is leased to several interfaces")
        elif refusal := why_refused(its[0], pool_id.subnet_id, subnet, pool_id, owners):
            reasons.append(refusal.message)
        else:
            members.append(its[0])
    if not pool.manual_ifaces:
        reasons.append("it has no interfaces")
    return members, reasons


def _left_alone(pool_id: PoolId, reasons: Sequence[str]) -> Finding:
    return Finding(
        str(pool_id),
        "work_around_left",
        "warning",
        f"leased addresses lie in this static pool, which stays static: {first_few(reasons)}",
        "mend that before the upgrade is committed, or delete the pool: afterwards no pool can be converted, "
        "and the addresses in its ranges are refused as oversubscribed",
    )


def _left_over(pool_id: PoolId, made: Pool) -> Iterator[Finding]:
    if not made.manual_ranges:
        return
    after = "" if made.external_manager == AZURE else ", or afterwards with --force"
    yield Finding(
        str(pool_id),
        "ranges_by_hand",
        "warning",
        f"{made.external_manager} reports nobody at {first_few([str(one) for one in made.manual_ranges])}: "
        "they stay as ranges made by hand",
        f"when they are of no use, take them out before the upgrade is committed{after}",
    )


def _without(ranges: Iterable[Range], taken: set[IPv4Address]) -> tuple[Range, ...]:
    """What is left of `ranges` without the addresses `taken`, each of which lies in one of them."""
    left: list[Range] = []
    for whole in ranges:
        low = int(whole.low)
        for address in sorted(one for one in taken if whole.holds(one)):
            if low < int(address):
                left.append(Range(IPv4Address(low), address - 1))
            low = int(address) + 1
        if low <= int(whole.high):
            left.append(Range(IPv4Address(low), whole.high))
    return tuple(left)


def _with_nodes(after: Configuration, reports: Mapping[int, Report]) -> Configuration:
    """With the names of the nodes that hold an address now."""
    known = {node.devid: node for node in after.nodes}
    for _, pool in after.pools():
        for one in pool.assignments:
            if one.devid in reports:
                report = reports[one.devid]
                known[one.devid] = Node(one.devid, report.lnn, report.node)
    return replace(after, nodes=tuple(known[devid] for devid in sorted(known)))


def _with_addresses(
    after: Configuration, before: Configuration, heard: Heard, owners: Spans[Owner]
) -> Configuration:
    """With an address for each interface in a static pool: the one that it is leased, where that is in the
    pool's ranges.  Where leased addresses lie there, nobody gets any other, which could be somebody's.
    """
    leased = [(one.place, one.lease.address) for one in heard.claims if not one.lease.expired(heard.now)]
    leased += ((place, IPv4Address(address)) for place, address in heard.uncounted.items())
    of_iface: dict[Iface, list[IPv4Address]] = defaultdict(list)
    for (devid, interface), address in leased:
        of_iface[Iface(heard.reports[devid].lnn, interface)].append(address)
    times = Counter(address for _, address in leased)
    with_leased: set[PoolId] = set()
    for subnet_id, subnet in after.subnets():
        for pool in subnet.pools:
            pool_id = PoolId(*subnet_id, pool.name)
            if pool.alloc_method != "static" or not any(
                one.holds(address) for address in times for one in pool.manual_ranges
            ):
                continue
            with_leased.add(pool_id)
            given = tuple(
                GivenAddress(iface, its[0])
                for iface in pool.manual_ifaces
                if len(its := of_iface.get(iface, [])) == 1
                and times[its[0]] == 1
                and its[0] != subnet.gateway
                and {owner.pool for owner in owners.of(int(its[0]))} == {pool_id}
            )
            after = after.with_pool(subnet_id, replace(pool, addresses=given))
    return with_addresses(after, before, none_new_in=with_leased)
