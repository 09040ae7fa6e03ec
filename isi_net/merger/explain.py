"""Why an address is where it is, or is not: the way of one address, from the lease file to the pool.

Everything is read from the disk, as the merger's next turn would read it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from isi_net.errors import NotFound
from isi_net.flexnet import history, published
from isi_net.formats import times
from isi_net.merger.inbox import Inbox
from isi_net.model.finding import Finding
from isi_net.model.lease import Lease
from isi_net.model.merge import merge
from isi_net.model.names import PoolId
from isi_net.model.network import Assignment, Configuration
from isi_net.model.report import Report, UnreadReport
from isi_net.model.rules import interface_place
from isi_net.store import revisions
from isi_net.store.tree import Tree

Place = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Step:
    """One step on the way of an interface's address: which, where to look, and what it says there."""

    place: str
    step: str
    where: str
    says: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person wants explained: exactly one of these is given."""

    address: IPv4Address | None = None
    pool: PoolId | None = None
    node: str = ""


def explain(tree: Tree, asked: Asked, now: float) -> list[Step]:
    """The steps of every interface that `asked` concerns; NotFound when it concerns none."""
    configuration = published.load(tree)
    reports = Inbox(tree).read()
    merged = merge(configuration, reports, now)
    leases = {
        (report.devid, lease.interface): (report, lease)
        for report in reports
        if isinstance(report, Report)
        for lease in report.addresses
    }
    held = {one.place: (pool_id, one) for pool_id, pool in configuration.pools() for one in pool.assignments}
    wanted = sorted(_wanted(asked, configuration, reports, leases, held))
    if not wanted:
        thing = asked.address or asked.pool or asked.node
        raise NotFound(f"no report and no pool knows {thing}", tree.reports, "see isi_net reports list")
    steps: list[Step] = []
    for place in wanted:
        steps += _steps(tree, place, leases.get(place), held.get(place), configuration, merged.findings, now)
    pools = {str(held[place][0]) for place in wanted if place in held} | {str(asked.pool)}
    steps += (
        Step(one.place, "rule", one.code, f"{one.message}; {one.action}")
        for one in merged.findings
        if one.place in pools
    )
    return steps


def _wanted(
    asked: Asked,
    configuration: Configuration,
    reports: Iterable[Report | UnreadReport],
    leases: dict[Place, tuple[Report, Lease]],
    held: dict[Place, tuple[PoolId, Assignment]],
) -> Iterator[Place]:
    devids = {node.devid for node in configuration.nodes if asked.node in (node.name, str(node.lnn))}
    devids |= {
        one.devid for one in reports if isinstance(one, Report) and asked.node in (one.node, str(one.lnn))
    }
    for place in leases.keys() | held.keys():
        leased = leases[place][1].address if place in leases else None
        pool_id, assigned = held.get(place, (None, None))
        if asked.address is not None:
            if asked.address in (leased, assigned.address if assigned else None):
                yield place
        elif asked.pool is not None:
            subnet = configuration.subnet(asked.pool.subnet_id)
            network = subnet.network if subnet is not None else None
            if pool_id == asked.pool or (leased is not None and network is not None and leased in network):
                yield place
        elif place[0] in devids:
            yield place
    if asked.node:
        for one in reports:
            if one.devid in devids or (isinstance(one, UnreadReport) and asked.node == str(one.devid)):
                yield (one.devid, "")


def _steps(
    tree: Tree,
    place: Place,
    leased: tuple[Report, Lease] | None,
    held: tuple[PoolId, Assignment] | None,
    configuration: Configuration,
    findings: Iterable[Finding],
    now: float,
) -> Iterator[Step]:
    devid, interface = place
    name = interface_place(devid, interface).strip()
    if leased is not None:
        report, lease = leased
        until = "never expires" if lease.expire is None else f"expires {times.render(lease.expire)}"
        server = lease.server or "a nameless server"
        yield Step(
            name,
            "lease",
            f"{report.node}:{Tree().lease(interface)}",
            f"{lease.address} from {server}, {until}: {lease.state(now)}",
        )
        yield Step(
            name,
            "report",
            tree.report(devid),
            f"{lease.address} of {report.manager}, reported {times.render(report.reported_at)}",
        )
    about = [one for one in findings if one.place in (name, f"node {devid}")]
    for one in about:
        yield Step(name, "rule", one.code, f"{one.message}; {one.action}")
    if leased is not None and not about:
        yield Step(name, "rule", "accepted", "no rule speaks against it")
    if held is not None:
        pool_id, assigned = held
        since = _since(tree, configuration, pool_id, assigned)
        yield Step(name, "published", str(pool_id), f"{assigned.address}, since revision {since}")
    elif interface:
        yield Step(name, "published", "-", f"in no pool of revision {configuration.revision}")


def _since(tree: Tree, configuration: Configuration, pool_id: PoolId, assigned: Assignment) -> str:
    """The first revision in a row up to now that has it so; `at least` where older ones are not kept."""
    since = configuration.revision
    for number in reversed([one for one in revisions.numbers(tree) if one < configuration.revision]):
        pool = history.revision(tree, number).pool(pool_id)
        had = {(one.address, one.place) for one in pool.assignments} if pool is not None else set()
        if (assigned.address, assigned.place) not in had:
            return str(since)
        since = number
    return str(since) if since == 1 else f"{since} or before"
