"""The decision: what the network is, by what it was and what the nodes report.

`merge` is a pure function.  Its invariants, which tests/property holds it to:

* the order of the reports does not matter, and merging twice changes nothing;
* no address has two holders, and no interface two addresses;
* pools that are not externally managed come out as they went in;
* a report that cannot be used touches nothing but what is said about its own node;
* time alone changes nothing but at the moments that `next_change` names, not even a word of a finding;
* what is published of a node's words (its name, its manager) can be written and read back;
* until the upgrade of an earlier release's cluster is committed, nothing changes;
* silence never takes an address away: only a newer lease, another node's unexpired one, or (on
  premises, where nobody pins it) the lease's own end does.

Why an address is refused stands in `rules.py`; who holds it among those that may, here.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby

from isi_net.model.addresses import network_of, why_not_a_host
from isi_net.model.finding import Finding
from isi_net.model.names import DEFAULT_GROUPNET, GroupnetId, PoolId, SubnetId
from isi_net.model.network import (
    CLOUDS,
    DEFAULT_MTU,
    EXTERNALLY_MANAGED,
    MAX_MTU,
    MIN_MTU,
    Assignment,
    ClusterSettings,
    Configuration,
    Groupnet,
    Node,
    Place,
    Pool,
    Subnet,
)
from isi_net.model.report import OLD_SECONDS, SKEW_SECONDS, Report, UnreadReport
from isi_net.model.rules import (
    AZURE,
    AZURE_SUBNET,
    NOT_COMMITTED,
    Claim,
    Judge,
    Owner,
    Spans,
    interface_place,
    owners_in,
    subnets_in,
    why_not_in_a_cloud,
    why_refused,
    why_unfit,
)
from isi_net.model.text import first_few, printable

FIRST_SUBNET, FIRST_POOL = "subnet0", "pool0"

# No network of anybody's is larger than a /8, and from a /31 on there is no subnet to be made.
_SUBNET_BITS = range(8, 31)
_MAKE_SUBNET = "make one that holds it: isi_net subnets create SUBNET ipv4 PREFIXLEN --gateway=ADDRESS"
_DNS_SERVERS, _NODE_NAME, _MANAGER_NAME = 3, 255, 128  # as many as a configuration carries


@dataclass(frozen=True, slots=True)
class Heard:
    """What the nodes say today: the reports that can be believed, by devid, and what they claim.

    `claims` are those that count in this cluster, `speaking` the interfaces of all; `uncounted` are the
    addresses, as numbers, of the unexpired ones that do not count: they gain nothing, and are no silence
    either.  `unread` are the nodes whose report is there and cannot be used: what it would say, nobody knows.
    """

    now: int
    reports: Mapping[int, Report]
    claims: tuple[Claim, ...]
    speaking: frozenset[Place]
    uncounted: Mapping[Place, int]
    unread: frozenset[int]

    def may_have(self, holder: Place, address: int) -> bool:
        """Whether `holder` may still be leased its `address`, though it has no claim that counts."""
        return holder[0] in self.unread or self.uncounted.get(holder) == address


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
    # Every time in a report is in whole seconds.
    heard = hear(reports, configuration.settings, int(now), findings)
    if not configuration.settings.committed:
        return Merged(configuration, tuple(sorted({*findings, NOT_COMMITTED})))

    configuration = _with_first_pool(configuration, heard, findings)
    owners = owners_in(configuration)
    fit = _fit(configuration, findings)
    standing, fixed = _standing(configuration, fit)
    routed = _route(configuration, standing, fixed, heard.claims, owners, findings)
    configuration = _with_servers_pinned(configuration, routed, owners, standing, heard)
    accepted = _accepted(configuration, routed, owners, findings)
    configuration = _assign(configuration, fit, standing, accepted, heard, findings)
    configuration = replace(configuration, nodes=_nodes(configuration, heard.reports, findings))
    return Merged(configuration, tuple(sorted(set(findings))))


def next_change(reports: Iterable[Report | UnreadReport], now: float) -> float:
    """The first moment after `now` at which `merge` may say something else of the same inputs.

    Infinite when time alone changes nothing any more.
    """
    soonest = math.inf
    for report in reports:
        if isinstance(report, Report):
            at = report.reported_at
            ends = (lease.expire for lease in report.addresses if lease.expire is not None)
            for moment in (at - SKEW_SECONDS, at + OLD_SECONDS + 1, *ends):
                if now < moment < soonest:
                    soonest = moment
    return soonest


def nothing_new(
    old: Sequence[Report | UnreadReport], new: Sequence[Report | UnreadReport], now: float
) -> bool:
    """Whether one look tells that `merge` says the same of `new` as of `old` at `now`; both are by devid.

    Every node writes its report again and again, to show that it lives: as a rule nothing but times differ
    then, and none of them has passed.
    """
    return len(old) == len(new) and all(
        one is other or _timeless(one, int(now)) == _timeless(other, int(now))
        for one, other in zip(old, new, strict=True)
    )


def _timeless(report: Report | UnreadReport, now: int) -> tuple[Report | UnreadReport, list[bool]]:
    """`report` without its times, and what `merge` makes of these."""
    if isinstance(report, UnreadReport):
        return report, []
    leases = tuple(one._replace(renew=None, rebind=None, expire=None) for one in report.addresses)
    passed = [report.is_ahead(now), report.is_old(now), *(one.expired(now) for one in report.addresses)]
    return report._replace(reported_at=0, addresses=leases), passed


def hear(
    reports: Iterable[Report | UnreadReport], settings: ClusterSettings, now: int, findings: list[Finding]
) -> Heard:
    """What the reports say, told apart from those that cannot be used, by the settings of the cluster.

    What is found of a report names no time: it is written again and again, and a finding that lasts must
    keep its words.
    """
    usable: dict[int, Report] = {}
    unread: set[int] = set()
    for report in reports:
        if isinstance(report, UnreadReport):
            unread.add(report.devid)
            findings.append(report.finding)
        elif report.is_ahead(now):
            unread.add(report.devid)
            findings.append(
                Finding(
                    f"node {report.devid}",
                    "report_from_future",
                    "error",
                    f"its report is more than {SKEW_SECONDS} s ahead of this clock; its addresses stay",
                    "set the clocks",
                )
            )
        else:
            usable[report.devid] = _publishable(report)
            if report.problems:
                findings += (_of_node(f"node {report.devid}", one) for one in report.problems)
            if report.is_old(now):
                findings.append(
                    Finding(
                        f"node {report.devid}",
                        "report_old",
                        "warning",
                        f"its last report is more than {OLD_SECONDS // 60} min old; its addresses stay",
                        "start isi_net daemon there, set its clock, or retire the node: "
                        f"isi_net reports delete {report.devid}",
                    )
                )
    claims = _claims(usable, now, findings)
    counting = []
    uncounted: dict[Place, int] = {}
    for claim in claims:
        if foreign := why_not_in_a_cloud(claim, settings):
            findings.append(foreign)
            if not claim.lease.expired(now):
                uncounted[claim.place] = claim.number
        else:
            counting.append(claim)
    speaking = frozenset(claim.place for claim in claims)
    return Heard(now, usable, tuple(counting), speaking, uncounted, frozenset(unread))


def _publishable(report: Report) -> Report:
    """`report` with words that can be published."""
    node, manager = printable(report.node)[:_NODE_NAME], printable(report.manager)[:_MANAGER_NAME]
    if (node, manager) == (report.node, report.manager):
        return report  # as a rule; a copy of each of ten thousand takes as long as judging them
    return report._replace(node=node, manager=manager)


def _of_node(node: str, problem: Finding) -> Finding:
    """A problem that `node` reports, so that it is told apart from the same one of another node."""
    if problem.place == node or problem.place.startswith(f"{node} "):
        return problem
    return problem._replace(place=f"{node} {problem.place}")


def _claims(usable: Mapping[int, Report], now: int, findings: list[Finding]) -> list[Claim]:
    """At most one claim an interface, by devid and name."""
    claims: list[Claim] = []
    for devid, report in sorted(usable.items()):
        if len(report.addresses) == 1:
            (lease,) = report.addresses
            claims.append(Claim.of(devid, lease, report.manager))
            continue
        leases = sorted(report.addresses, key=lambda one: (one.interface, one.expired(now), one.address))
        for name, of_interface in groupby(leases, key=lambda one: one.interface):
            first, *others = of_interface
            claims.append(Claim.of(devid, first, report.manager))
            if others:
                findings.append(
                    Finding(
                        interface_place(devid, name),
                        "several_addresses",
                        "error",
                        f"reports {1 + len(others)} leases, of which {first.address} alone counts",
                        "run one DHCP client an interface",
                    )
                )
    return claims


def _with_first_pool(configuration: Configuration, heard: Heard, findings: list[Finding]) -> Configuration:
    """On a cluster that has no externally managed pool: with the one that its first good claim asks for."""
    if any(pool.externally_managed for _, pool in configuration.pools()):
        return configuration
    subnets, spans = dict(configuration.subnets()), subnets_in(configuration)
    owners = owners_in(configuration)
    why_not: list[Finding] = []
    for claim in heard.claims:
        if claim.lease.expired(heard.now):
            why_not.append(_not_used(claim))
            continue
        home = _first_home(claim, subnets, spans)
        if isinstance(home, Finding):
            why_not.append(home)
            continue
        subnet_id, subnet = home
        if refusal := why_refused(claim, subnet_id, subnet, PoolId(*subnet_id, FIRST_POOL), owners):
            why_not.append(refusal)
            continue
        return _with_pool_in(configuration, subnet_id, subnet, claim)
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


def _first_home(
    claim: Claim, subnets: Mapping[SubnetId, Subnet], spans: Spans[tuple[int, SubnetId]]
) -> tuple[SubnetId, Subnet] | Finding:
    """The subnet, there or to be made, in which `claim` wants the first pool; or why it cannot be there."""
    _, subnet_id = min(spans.of(claim.number), default=(0, None))
    if subnet_id is None:
        subnet_id = SubnetId(DEFAULT_GROUPNET, FIRST_SUBNET)
        made = _first_subnet(claim, subnets.get(subnet_id), spans)
        return made if isinstance(made, Finding) else (subnet_id, made)
    subnet = subnets[subnet_id]
    if other := next((pool for pool in subnet.pools if pool.name == FIRST_POOL), None):
        pool_id = PoolId(*subnet_id, FIRST_POOL)
        return claim.finding(
            "pool_not_made",
            f"wants an externally managed pool, but {pool_id} is {other.alloc_method}",
            f"rename or delete {pool_id}: a pool of another kind is never converted",
        )
    if unfit := why_unfit(subnet_id, subnet, _first_pool(subnet, claim)):
        return claim.finding("pool_not_made", f"is in {subnet_id}, but {unfit[0]}", unfit[1])
    return subnet_id, subnet


def _first_subnet(claim: Claim, other: Subnet | None, spans: Spans[tuple[int, SubnetId]]) -> Subnet | Finding:
    """The subnet that the lease describes; or why there can be none.  `other` is the one of that name."""
    lease = claim.lease
    if lease.prefixlen is None or lease.prefixlen not in _SUBNET_BITS:
        size = "no subnet mask" if lease.prefixlen is None else f"a /{lease.prefixlen}"
        return claim.finding(
            "pool_not_made", f"comes with {size}: no subnet can be made of that", _MAKE_SUBNET
        )
    if other is not None:
        return claim.finding(
            "pool_not_made",
            f"is in no subnet, and {FIRST_SUBNET} is another one ({other.network or 'with no address yet'})",
            _MAKE_SUBNET,
        )
    network = network_of(lease.address, lease.prefixlen)
    if (overlapped := spans.first_within(network)) is not None:
        return claim.finding(
            "pool_not_made", f"comes with a /{lease.prefixlen}, which overlaps {overlapped[1]}", _MAKE_SUBNET
        )
    fit_gateway = lease.gateway is not None and why_not_a_host(lease.gateway, network) is None
    return Subnet(
        1,
        FIRST_SUBNET,
        "ipv4",
        lease.prefixlen,
        base_addr=network.network_address,
        gateway=lease.gateway if fit_gateway else None,
        mtu=DEFAULT_MTU if lease.mtu is None else min(max(lease.mtu, MIN_MTU), MAX_MTU),
    )


def _first_pool(subnet: Subnet, claim: Claim) -> Pool:
    return Pool(
        subnet.next_number,
        FIRST_POOL,
        alloc_method=EXTERNALLY_MANAGED,
        external_manager=claim.manager,
        aggregation_mode="none",
    )


def _with_pool_in(
    configuration: Configuration, subnet_id: SubnetId, subnet: Subnet, claim: Claim
) -> Configuration:
    """With the first pool in `subnet`, which is made where the configuration does not have it yet."""
    if configuration.subnet(subnet_id) is None:
        groupnet = configuration.groupnet(GroupnetId(subnet_id.groupnet)) or Groupnet(
            configuration.next_number, subnet_id.groupnet, dns_servers=claim.lease.dns_servers[:_DNS_SERVERS]
        )
        subnet = replace(subnet, number=groupnet.next_number)
        configuration = configuration.with_groupnet(groupnet).with_subnet(GroupnetId(groupnet.name), subnet)
    return configuration.with_pool(subnet_id, _first_pool(subnet, claim))


def _fit(configuration: Configuration, findings: list[Finding]) -> dict[PoolId, Pool]:
    """The externally managed pools that take part."""
    fit: dict[PoolId, Pool] = {}
    for subnet_id, subnet in configuration.subnets():
        for pool in subnet.pools:
            pool_id = PoolId(*subnet_id, pool.name)
            if not pool.externally_managed:
                continue
            if unfit := why_unfit(subnet_id, subnet, pool):
                what = f"takes no part in merging: {unfit[0]}; its addresses stay as they are"
                findings.append(Finding(str(pool_id), "pool_unfit", "error", what, unfit[1]))
            else:
                fit[pool_id] = pool
    return fit


def _standing(
    configuration: Configuration, fit: Mapping[PoolId, Pool]
) -> tuple[dict[PoolId, list[Assignment]], set[int | Place]]:
    """The last good assignments of the fit pools; and the addresses and interfaces of all others, which stay.

    What a configuration made by hand names twice counts once.
    """
    fixed: set[int | Place] = set()
    for pool_id, pool in configuration.pools():
        if pool_id not in fit:
            fixed.update(part for one in pool.assignments for part in (int(one.address), one.place))
    standing: dict[PoolId, list[Assignment]] = {pool_id: [] for pool_id in fit}
    known = set(fixed)
    for pool_id, pool in fit.items():
        for one in pool.assignments:
            address, place = int(one.address), one.place
            if address not in known and place not in known:
                standing[pool_id].append(one)
                known.add(address)
                known.add(place)
    return standing, fixed


def _route(
    configuration: Configuration,
    standing: Mapping[PoolId, list[Assignment]],
    fixed: Collection[int | Place],
    claims: Iterable[Claim],
    owners: Spans[Owner],
    findings: list[Finding],
) -> dict[PoolId, list[Claim]]:
    """Each claim to the fit pool that is to judge it.

    The address alone decides on the subnet, lest two claims of one address be judged by two.  Within it
    an address stays in its pool; one in a range made by hand belongs there; an interface stays in its
    pool; anything else is for the first one.  An address or interface of a pool that takes no part stays
    where it is, and that pool's finding has said so.
    """
    routed: dict[PoolId, list[Claim]] = {pool_id: [] for pool_id in standing}
    by_address = {int(one.address): pool_id for pool_id, some in standing.items() for one in some}
    by_place = {one.place: pool_id for pool_id, some in standing.items() for one in some}
    rooms: dict[SubnetId, list[PoolId]] = defaultdict(list)
    for pool_id in standing:
        rooms[pool_id.subnet_id].append(pool_id)
    subnet_of = {pool_id: pool_id.subnet_id for pool_id in standing}
    managed = {pool_id.subnet_id for pool_id, pool in configuration.pools() if pool.externally_managed}
    spans = subnets_in(configuration)
    for claim in claims if managed else ():  # without any such pool, why none was made has been said
        number = claim.number
        if fixed and (number in fixed or claim.place in fixed):
            continue
        subnets = [subnet_id for _, subnet_id in sorted(spans.of(number))]
        home = by_address.get(number)
        if home is not None and subnet_of[home] in subnets:
            routed[home].append(claim)
            continue
        subnet_id = next((one for one in subnets if one in rooms), None)
        if subnet_id is not None:
            first, *others = rooms[subnet_id]
            if others:
                homes = (*(owner.pool for owner in owners.of(number)), by_place.get(claim.place))
                first = next((one for one in homes if one in rooms[subnet_id]), first)
            routed[first].append(claim)
        elif not subnets:
            findings.append(
                claim.finding(
                    "no_subnet", "lies in no subnet", "make one that holds it, or have another leased"
                )
            )
        elif managed.isdisjoint(subnets):
            findings.append(
                claim.finding(
                    "no_pool",
                    f"lies in {subnets[0]}, which has no externally managed pool",
                    "have the server lease an address of the pool's subnet",
                )
            )
    return routed


def _accepted(
    configuration: Configuration,
    routed: Mapping[PoolId, list[Claim]],
    owners: Spans[Owner],
    findings: list[Finding],
) -> dict[PoolId, list[Claim]]:
    """The claims that no rule refuses, by pool; the others get a finding."""
    subnets = dict(configuration.subnets())
    accepted: dict[PoolId, list[Claim]] = {}
    for pool_id, claims in routed.items():
        subnet_id, subnet = pool_id.subnet_id, subnets[pool_id.subnet_id]
        accepted[pool_id] = []
        judge = Judge(subnet_id, subnet, pool_id, owners)
        for claim in claims:
            if refusal := judge.why_refused(claim):
                findings.append(refusal)
            else:
                accepted[pool_id].append(claim)
    return accepted


def _with_servers_pinned(
    configuration: Configuration,
    routed: Mapping[PoolId, list[Claim]],
    owners: Spans[Owner],
    standing: Mapping[PoolId, list[Assignment]],
    heard: Heard,
) -> Configuration:
    """With the DHCP server pinned, in each subnet that trusts none yet, that is the first to give an address.

    A claim that is refused, expired or of an address that another interface holds gives none.
    """
    subnets = dict(configuration.subnets())
    judges: dict[PoolId, Judge] = {}
    rivals: dict[int, list[tuple[PoolId, Claim]]] = defaultdict(list)  # by the address that they claim
    for pool_id, claims in routed.items():
        subnet_id, subnet = pool_id.subnet_id, subnets[pool_id.subnet_id]
        if not subnet.dhcp_servers:
            judges[pool_id] = Judge(subnet_id, subnet, pool_id, owners)
            for claim in claims:
                rivals[claim.number].append((pool_id, claim))
    if not judges:
        return configuration
    holders = _holders(standing)

    @cache
    def given(address: int) -> dict[Place, Claim]:
        """Who is given it: worked out only for the claims before the first that is, as a rule none."""
        live = (
            claim
            for pool_id, claim in rivals[address]
            if not claim.lease.expired(heard.now) and not judges[pool_id].why_refused(claim)
        )
        return _winners(live, holders, heard, [])

    pinned: dict[SubnetId, Subnet] = {}
    for pool_id in judges:
        subnet_id = pool_id.subnet_id
        if subnet_id in pinned:
            continue
        for claim in routed[pool_id]:
            server = claim.lease.server
            if server is not None and given(claim.number).get(claim.place) is claim:
                pinned[subnet_id] = replace(subnets[subnet_id], dhcp_servers=(server,))
                break
    for subnet_id, subnet in pinned.items():
        configuration = configuration.with_subnet(GroupnetId(subnet_id.groupnet), subnet)
    return configuration


def _assign(
    configuration: Configuration,
    fit: Mapping[PoolId, Pool],
    standing: Mapping[PoolId, list[Assignment]],
    accepted: Mapping[PoolId, list[Claim]],
    heard: Heard,
    findings: list[Finding],
) -> Configuration:
    """The configuration with every address of the fit pools at its holder."""
    claims = [claim for some in accepted.values() for claim in some]
    expired = {claim.place: claim for claim in claims if claim.lease.expired(heard.now)}
    live = (claim for claim in claims if claim.place not in expired) if expired else claims
    winners = _winners(live, _holders(standing), heard, findings)
    given = {claim.number for claim in winners.values()}
    managers = {claim.manager for claim in heard.claims}
    for pool_id, pool in fit.items():
        manager = _manager(pool_id, pool, managers, heard, findings)
        members = {
            place: Assignment(claim.lease.address, *place, claim.lease.server)
            for claim in accepted[pool_id]
            if winners.get(place := claim.place) is claim
        }
        for one in standing[pool_id]:
            place = one.place
            if place in winners or int(one.address) in given:
                continue  # replaced by the interface's newer lease, or given to its unexpired holder
            if place in expired and manager not in CLOUDS:
                continue  # nobody pins it: with its lease it is given back
            members[place] = one
            if place in expired:
                findings.append(_kept_though_expired(one, expired[place]))
            elif place not in heard.speaking and one.devid not in heard.unread:
                findings.append(_kept_in_silence(one, one.devid in heard.reports))
        findings += (
            _not_used(claim)
            for claim in accepted[pool_id]
            if expired and claim.place in expired and claim.place not in members
        )
        # No two have the same address.
        assignments = tuple(sorted(members.values(), key=lambda one: int(one.address)))
        changed = replace(pool, assignments=assignments, external_manager=manager)
        if changed != pool:
            configuration = configuration.with_pool(pool_id.subnet_id, changed)
    return configuration


def _holders(standing: Mapping[PoolId, list[Assignment]]) -> dict[int, Place]:
    return {int(one.address): one.place for some in standing.values() for one in some}


def _winners(
    live: Iterable[Claim],
    holders: Mapping[int, Place],
    heard: Heard,
    findings: list[Finding],
) -> dict[Place, Claim]:
    """Who is given the address of its unexpired lease, by place; the others get a finding.

    The one who has an address keeps it while its own lease is good, also when that does not count in this
    cluster, or while nobody can tell (its report is unread); else the lowest devid among those who are
    leased it has it.
    """
    claims: dict[int, dict[Place, Claim]] = defaultdict(dict)
    for claim in live:
        claims[claim.number][claim.place] = claim
    winners: dict[Place, Claim] = {}
    for address, claimants in claims.items():
        holder = holders.get(address)
        if holder is not None and (holder in claimants or heard.may_have(holder, address)):
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


def _kept_though_expired(one: Assignment, claim: Claim) -> Finding:
    return Finding(
        interface_place(*one.place),
        "lease_expired",
        "warning",
        f"its lease of {claim.lease.address} has expired; {one.address} stays: the cloud pins it",
        "look at the DHCP client: the address is not being renewed",
    )


def _kept_in_silence(one: Assignment, node_reports: bool) -> Finding:
    """What to say of an address of whose interface no report speaks."""
    place = interface_place(*one.place)
    if node_reports:
        what = f"its node reports no lease of this interface; {one.address} stays"
        todo = "look at the DHCP client and its lease file there"
        return Finding(place, "interface_silent", "warning", what, todo)
    what = f"there is no report of this node; {one.address} stays until another is leased it"
    todo = f"start isi_net daemon there, or retire the node: isi_net reports delete {one.devid}"
    return Finding(place, "report_missing", "warning", what, todo)


def _manager(
    pool_id: PoolId, pool: Pool, named: Collection[str], heard: Heard, findings: list[Finding]
) -> str:
    """The pool's external manager: what all nodes that have a lease agree on, else what it was."""
    if len(named) > 1:
        findings.append(
            Finding(
                str(pool_id),
                "managers_differ",
                "warning",
                f"the nodes name different external managers: {first_few(sorted(named))}",
                "set [dhcp] manager to one value in every node's isi_net.toml",
            )
        )
    if len(named) != 1 or heard.unread:
        return pool.external_manager  # a report that cannot be read may name another one
    manager = next(iter(named))
    if manager == AZURE and pool_id.subnet_id != AZURE_SUBNET:
        # As Azure's it would take no part any more, also when its nodes were only told a wrong name.
        what = f"its nodes name {AZURE}, but on Azure all pools are in {AZURE_SUBNET}"
        todo = "correct [dhcp] manager in the nodes' isi_net.toml, or name its subnet so"
        findings.append(Finding(str(pool_id), "azure_subnet", "error", what, todo))
        return pool.external_manager
    return manager


def _nodes(
    configuration: Configuration, reports: Mapping[int, Report], findings: list[Finding]
) -> tuple[Node, ...]:
    """The nodes that hold an address, as they last called themselves."""
    known = {node.devid: node for node in configuration.nodes}
    nodes = []
    of_lnn: dict[int, list[str]] = defaultdict(list)
    for devid in sorted({one.devid for _, pool in configuration.pools() for one in pool.assignments}):
        report = reports.get(devid)
        node = Node(devid, report.lnn, report.node) if report is not None else known.get(devid)
        if node is not None:
            nodes.append(node)
            of_lnn[node.lnn].append(str(devid))
    for lnn, namesakes in of_lnn.items():
        if len(namesakes) > 1:
            findings.append(
                Finding(
                    f"LNN {lnn}",
                    "lnn_twice",
                    "error",
                    f"the nodes with devid {first_few(namesakes)} all call themselves LNN {lnn}",
                    "give each its own lnn in isi_net.toml",
                )
            )
    return tuple(nodes)
