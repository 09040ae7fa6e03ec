"""The decision: what the network is, by what it was and what the nodes report.

`merge` is a pure function.  Its invariants, which tests/property holds it to:

* the order of the reports does not matter, and merging twice changes nothing;
* no address has two holders, and no interface two addresses;
* pools that are not externally managed come out as they went in;
* a report that cannot be used touches nothing but what is said about its own node;
* silence never takes an address away: only a newer lease, another node's unexpired one, or (on
  premises, where nobody pins it) the lease's own end does.

Why an address is refused stands in `rules.py`; who holds it among those that may, here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from itertools import groupby

from isi_net.model.addresses import network_of
from isi_net.model.finding import Finding
from isi_net.model.names import DEFAULT_GROUPNET, GroupnetId, PoolId, SubnetId
from isi_net.model.network import (
    CLOUDS,
    DEFAULT_MTU,
    EXTERNALLY_MANAGED,
    MAX_MTU,
    MIN_MTU,
    Assignment,
    Configuration,
    Groupnet,
    Node,
    Pool,
    Subnet,
)
from isi_net.model.report import OLD_SECONDS, SKEW_SECONDS, Report, UnreadReport
from isi_net.model.rules import Claim, Owners, holds, interface_place, why_refused, why_unfit

FIRST_SUBNET, FIRST_POOL = "subnet0", "pool0"

_MAKE_SUBNET = "make one that holds it: isi_net subnets create SUBNET ipv4 PREFIXLEN --gateway=ADDRESS"

Place = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Merged:
    """The next configuration (equal to the last one when nothing changed) and what a person should know."""

    configuration: Configuration
    findings: tuple[Finding, ...]


def merge(configuration: Configuration, reports: Iterable[Report | UnreadReport], now: float) -> Merged:
    """What the network should be.

    `reports` are all that lie on the shared file system, in any order, one a node; `now` is in seconds
    since the epoch.  Revision, term and author are the publisher's to set: they come out as they went in.
    """
    findings: list[Finding] = []
    reports = list(reports)
    usable = _usable(reports, now, findings)
    unread = {one.devid for one in reports if one.devid not in usable}
    claims = _claims(usable, configuration, findings)

    configuration = _with_first_pool(configuration, claims, now, findings)
    routed = _route(configuration, claims, findings)
    owners = Owners(configuration)
    accepted: dict[PoolId, list[Claim]] = {}
    for pool_id, pool in list(configuration.pools()):
        if not pool.externally_managed:
            continue
        subnet = _subnet(configuration, pool_id.subnet_id)
        if unfit := why_unfit(subnet, pool):
            findings.append(
                Finding(
                    str(pool_id), "pool_unfit", "error", f"takes no part in merging: {unfit[0]}", unfit[1]
                )
            )
            continue
        candidates = routed.get(pool_id, [])
        pinned = _pinned(subnet, pool_id, candidates, owners, now)
        if pinned != subnet:
            configuration = configuration.with_subnet(GroupnetId(pool_id.groupnet), pinned)
        accepted[pool_id] = []
        for claim in candidates:
            if refusal := why_refused(claim, pool_id.subnet_id, pinned, pool_id, owners):
                findings.append(refusal)
            else:
                accepted[pool_id].append(claim)

    configuration = _assign(configuration, accepted, usable, unread, now, findings)
    configuration = replace(configuration, nodes=_nodes(configuration, usable, findings))
    return Merged(configuration, tuple(sorted(set(findings))))


def next_change(reports: Iterable[Report | UnreadReport], now: float) -> float | None:
    """The first moment after `now` at which `merge` may say something else of the same inputs.

    None when time alone changes nothing any more.
    """
    moments: list[float] = []
    for report in reports:
        if isinstance(report, Report):
            moments += (report.reported_at - SKEW_SECONDS, report.reported_at + OLD_SECONDS + 1)
            moments += (lease.expire for lease in report.addresses if lease.expire is not None)
    return min((moment for moment in moments if moment > now), default=None)


def _usable(
    reports: Iterable[Report | UnreadReport], now: float, findings: list[Finding]
) -> dict[int, Report]:
    """The reports that can be believed today, by devid."""
    usable: dict[int, Report] = {}
    for report in reports:
        place = f"node {report.devid}"
        if isinstance(report, UnreadReport):
            findings.append(report.finding)
        elif report.reported_at > now + SKEW_SECONDS:
            ahead = int(report.reported_at - now)
            findings.append(
                Finding(
                    place,
                    "report_from_future",
                    "error",
                    f"its report is {ahead} s ahead of this clock",
                    "set the clocks",
                )
            )
        else:
            usable[report.devid] = report
            findings.extend(report.problems)
            if now - report.reported_at > OLD_SECONDS:
                age = int(now - report.reported_at)
                findings.append(
                    Finding(
                        place,
                        "report_old",
                        "warning",
                        f"its last report is {age // 60} min old; its addresses stay",
                        "start isi_net daemon there, or retire the node: "
                        f"isi_net reports delete {report.devid}",
                    )
                )
    return usable


def _claims(
    usable: Mapping[int, Report], configuration: Configuration, findings: list[Finding]
) -> list[Claim]:
    """At most one claim an interface, by devid and name."""
    held = {one.place: one.address for _, pool in configuration.pools() for one in pool.assignments}
    claims: list[Claim] = []
    for devid, report in sorted(usable.items()):
        leases = sorted(report.addresses, key=lambda one: (one.interface, one.address))
        for name, of_interface in groupby(leases, key=lambda one: one.interface):
            several = list(of_interface)
            kept = next((one for one in several if one.address == held.get((devid, name))), several[0])
            claims.append(Claim(devid, name, kept, report.manager))
            if len(several) > 1:
                others = ", ".join(str(one.address) for one in several if one is not kept)
                findings.append(
                    Finding(
                        interface_place(devid, name),
                        "several_addresses",
                        "error",
                        f"reports several addresses; {kept.address} counts, not {others}",
                        "run one DHCP client an interface",
                    )
                )
    return claims


def _with_first_pool(
    configuration: Configuration, claims: Iterable[Claim], now: float, findings: list[Finding]
) -> Configuration:
    """On a cluster that has no externally managed pool: with the one that its first good claim asks for."""
    if any(pool.externally_managed for _, pool in configuration.pools()):
        return configuration
    why_not: list[Finding] = []
    for claim in claims:
        if claim.lease.expired(now):
            why_not.append(_not_used(claim))
            continue
        made = _first_pool(configuration, claim)
        if isinstance(made, Finding):
            why_not.append(made)
            continue
        candidate, pool_id = made
        subnet = _subnet(candidate, pool_id.subnet_id)
        refusal = why_refused(claim, pool_id.subnet_id, subnet, pool_id, Owners(candidate))
        if refusal is None:
            return candidate
        why_not.append(refusal)
    findings += why_not
    return configuration


def _not_used(claim: Claim) -> Finding:
    return Finding(
        interface_place(*claim.place),
        "lease_expired",
        "warning",
        f"its lease of {claim.lease.address} has expired: the address is not used",
        "look at the DHCP client and its server",
    )


def _first_pool(configuration: Configuration, claim: Claim) -> tuple[Configuration, PoolId] | Finding:
    """The configuration with a pool for `claim`, and the pool's id; or why there can be none."""
    lease = claim.lease
    for where, subnet in configuration.subnets():
        if holds(subnet, lease.address):
            subnet_id = where
            break
    else:
        if lease.prefixlen is None or lease.prefixlen >= 31:
            size = "no subnet mask" if lease.prefixlen is None else f"a /{lease.prefixlen}"
            return claim.finding(
                "pool_not_made",
                f"comes with {size}: no subnet can be made of that",
                _MAKE_SUBNET,
            )
        subnet_id = SubnetId(DEFAULT_GROUPNET, FIRST_SUBNET)
        if (other := configuration.subnet(subnet_id)) is not None:
            return claim.finding(
                "pool_not_made",
                f"is in no subnet, and {subnet_id} is another one ({other.network or 'with no address yet'})",
                _MAKE_SUBNET,
            )
        groupnet = configuration.groupnet(GroupnetId(DEFAULT_GROUPNET)) or Groupnet(
            configuration.next_number, DEFAULT_GROUPNET, dns_servers=lease.dns_servers[:3]
        )
        network = network_of(lease.address, lease.prefixlen)
        subnet = Subnet(
            groupnet.next_number,
            FIRST_SUBNET,
            "ipv4",
            lease.prefixlen,
            base_addr=network.network_address,
            gateway=lease.gateway if lease.gateway is not None and lease.gateway in network else None,
            mtu=DEFAULT_MTU if lease.mtu is None else min(max(lease.mtu, MIN_MTU), MAX_MTU),
        )
        configuration = configuration.with_groupnet(groupnet).with_subnet(GroupnetId(groupnet.name), subnet)

    pool_id = PoolId(*subnet_id, FIRST_POOL)
    if (other_pool := configuration.pool(pool_id)) is not None:
        return claim.finding(
            "pool_not_made",
            f"wants an externally managed pool, but {pool_id} is {other_pool.alloc_method}",
            f"rename or delete {pool_id}: a pool of another kind is never converted",
        )
    pool = Pool(
        subnet.next_number,
        FIRST_POOL,
        alloc_method=EXTERNALLY_MANAGED,
        external_manager=claim.manager,
        aggregation_mode="none",
    )
    if unfit := why_unfit(subnet, pool):
        return claim.finding("pool_not_made", f"is in {subnet_id}, but {unfit[0]}", unfit[1])
    return configuration.with_pool(subnet_id, pool), pool_id


def _route(
    configuration: Configuration, claims: Iterable[Claim], findings: list[Finding]
) -> dict[PoolId, list[Claim]]:
    """Each claim to the externally managed pool whose subnet holds its address.

    A cluster without any such pool gives no findings here: why none was made has been said.
    """
    rooms = [
        (pool_id, _subnet(configuration, pool_id.subnet_id), pool)
        for pool_id, pool in configuration.pools()
        if pool.externally_managed
    ]
    routed: dict[PoolId, list[Claim]] = defaultdict(list)
    # An address stays where it is, even in a pool that takes no part just now: else it would be in two.
    by_address = {one.address: pool_id for pool_id, _, pool in rooms for one in pool.assignments}
    by_place = {one.place: pool_id for pool_id, _, pool in rooms for one in pool.assignments}
    for claim in claims if rooms else ():
        fitting = [pool_id for pool_id, subnet, _ in rooms if holds(subnet, claim.lease.address)]
        if fitting:
            homes = (by_address.get(claim.lease.address), by_place.get(claim.place))
            routed[next((one for one in homes if one and one in fitting), fitting[0])].append(claim)
            continue
        subnet_id = next(
            (one for one, subnet in configuration.subnets() if holds(subnet, claim.lease.address)), None
        )
        if subnet_id is None:
            findings.append(
                claim.finding(
                    "no_subnet", "lies in no subnet", "make one that holds it, or have another leased"
                )
            )
        else:
            findings.append(
                claim.finding(
                    "no_pool",
                    f"lies in {subnet_id}, which has no externally managed pool",
                    "have the server lease an address of the pool's subnet",
                )
            )
    return routed


def _pinned(subnet: Subnet, pool_id: PoolId, claims: Iterable[Claim], owners: Owners, now: float) -> Subnet:
    """The subnet with its DHCP server pinned on first use: that of the first claim that may come in."""
    if subnet.dhcp_servers:
        return subnet
    for claim in claims:
        server = claim.lease.server
        if (
            server is not None
            and not claim.lease.expired(now)
            and why_refused(claim, pool_id.subnet_id, subnet, pool_id, owners) is None
        ):
            return replace(subnet, dhcp_servers=(server,))
    return subnet


def _assign(
    configuration: Configuration,
    accepted: Mapping[PoolId, list[Claim]],
    usable: Mapping[int, Report],
    unread: set[int],
    now: float,
    findings: list[Finding],
) -> Configuration:
    """The configuration with every address of the fit pools (the keys of `accepted`) at its holder."""
    pools = {pool_id: pool for pool_id, pool in configuration.pools() if pool_id in accepted}
    everyone = [claim for claims in accepted.values() for claim in claims]
    expired = {claim.place: claim for claim in everyone if claim.lease.expired(now)}
    holders = {one.address: one.place for pool in pools.values() for one in pool.assignments}
    winners = _winners((one for one in everyone if one.place not in expired), holders, unread, findings)
    given = {claim.lease.address for claim in winners.values()}

    for pool_id, pool in pools.items():
        on_premises = pool.external_manager not in CLOUDS
        members = {
            claim.place: Assignment(claim.lease.address, claim.devid, claim.interface, claim.lease.server)
            for claim in accepted[pool_id]
            if winners.get(claim.place) is claim
        }
        for one in pool.assignments:
            if one.place in winners or one.address in given:
                continue  # replaced by the interface's newer lease, or given to its unexpired holder
            if on_premises and one.place in expired:
                continue  # nobody pins it: with its lease it is given back
            members[one.place] = one
            findings += _why_kept(one, expired.get(one.place), usable, unread)
        findings += (
            _not_used(claim)
            for claim in accepted[pool_id]
            if claim.place in expired and claim.place not in members
        )
        changed = replace(
            pool,
            assignments=tuple(sorted(members.values())),
            external_manager=_manager(pool_id, pool, accepted[pool_id], findings),
        )
        if changed != pool:
            configuration = configuration.with_pool(pool_id.subnet_id, changed)
    return configuration


def _winners(
    live: Iterable[Claim], holders: Mapping[IPv4Address, Place], unread: set[int], findings: list[Finding]
) -> dict[Place, Claim]:
    """Who is given the address of its unexpired lease, by place; the others get a finding.

    The one who has an address keeps it while its own lease is good, or while nobody can tell (its report
    is unread); else the lowest devid among those who are leased it has it.
    """
    winners: dict[Place, Claim] = {}
    in_order = sorted(live, key=lambda one: (one.lease.address, one.place))
    for address, group in groupby(in_order, key=lambda one: one.lease.address):
        claimants = {claim.place: claim for claim in group}
        holder = holders.get(address)
        if holder is not None and (holder in claimants or holder[0] in unread):
            keeper = holder
        else:
            keeper = min(claimants)
        if keeper in claimants:
            winners[keeper] = claimants.pop(keeper)
        findings += (
            claim.finding(
                "address_twice",
                f"is leased here too; {interface_place(*keeper)} holds it",
                f"mend the DHCP server; when that node is gone: isi_net reports delete {keeper[0]}",
            )
            for claim in claimants.values()
        )
    return winners


def _why_kept(
    one: Assignment, expired: Claim | None, usable: Mapping[int, Report], unread: set[int]
) -> Iterator[Finding]:
    """What to say of an address that stays although no good lease speaks for it now."""
    place = interface_place(*one.place)
    if expired is not None:
        yield Finding(
            place,
            "lease_expired",
            "warning",
            f"its lease of {expired.lease.address} has expired; {one.address} stays: the cloud pins it",
            "look at the DHCP client: the address is not being renewed",
        )
    elif one.devid not in usable and one.devid not in unread:
        yield Finding(
            place,
            "report_missing",
            "warning",
            f"there is no report of this node; {one.address} stays",
            f"start isi_net daemon there, or retire the node: isi_net reports delete {one.devid}",
        )
    elif one.devid in usable and all(
        lease.interface != one.interface for lease in usable[one.devid].addresses
    ):
        yield Finding(
            place,
            "interface_silent",
            "warning",
            f"its node reports no lease of this interface; {one.address} stays",
            "look at the DHCP client and its lease file there",
        )


def _manager(pool_id: PoolId, pool: Pool, claims: Iterable[Claim], findings: list[Finding]) -> str:
    """The pool's external manager: what its nodes agree on, else what it was."""
    named = {claim.manager for claim in claims}
    if len(named) > 1:
        findings.append(
            Finding(
                str(pool_id),
                "managers_differ",
                "warning",
                f"its nodes name different external managers: {', '.join(sorted(named))}",
                "set [dhcp] manager to one value in every node's isi_net.toml",
            )
        )
        return pool.external_manager
    return named.pop() if named else pool.external_manager


def _nodes(
    configuration: Configuration, usable: Mapping[int, Report], findings: list[Finding]
) -> tuple[Node, ...]:
    """The nodes that hold an address, as they last called themselves."""
    known = {node.devid: node for node in configuration.nodes}
    for devid, report in usable.items():
        known[devid] = Node(devid, report.lnn, report.node)
    devids = {one.devid for _, pool in configuration.pools() for one in pool.assignments}
    nodes = tuple(sorted(known[devid] for devid in devids if devid in known))
    for lnn, group in groupby(sorted(nodes, key=lambda one: (one.lnn, one.devid)), key=lambda one: one.lnn):
        namesakes = ", ".join(str(node.devid) for node in group)
        if "," in namesakes:
            findings.append(
                Finding(
                    f"LNN {lnn}",
                    "lnn_twice",
                    "error",
                    f"the nodes with devid {namesakes} all call themselves LNN {lnn}",
                    "give each its own lnn in isi_net.toml",
                )
            )
    return nodes


def _subnet(configuration: Configuration, wanted: SubnetId) -> Subnet:
    """The subnet of a pool that the configuration has."""
    return next(subnet for one, subnet in configuration.subnets() if one == wanted)
