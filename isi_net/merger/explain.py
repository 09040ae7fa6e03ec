"""Why an address is where it is, or is not: the way of one address, from the lease file to the pool.

Everything is read from the disk, as the merger's next turn would read it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import NamedTuple

from isi_net.errors import BadValue, FormatError, NotFound, Unreadable
from isi_net.flexnet import history, published
from isi_net.formats import times
from isi_net.model.finding import Finding
from isi_net.model.lease import Lease
from isi_net.model.merge import merge
from isi_net.model.names import PoolId, parse_pool_id
from isi_net.model.network import Assignment, Configuration, Place
from isi_net.model.report import Report, UnreadReport
from isi_net.model.rules import NOT_COMMITTED, interface_place
from isi_net.reporter import inbox
from isi_net.store.tree import Tree


@dataclass(frozen=True, slots=True)
class Step:
    """One step on the way of an interface's address: which, where to look, and what it says there."""

    place: str
    step: str
    where: str
    says: str


def explain(tree: Tree, asked: str, now: float, files: Mapping[Place, str]) -> list[Step]:
    """The steps of every interface that `asked` concerns: a node (LNN or name), an address, or a pool.

    `files` says where this node's own leases lie; another node's are named by their client.  Raises
    NotFound when nothing of that name is known.
    """
    configuration = published.load(tree)
    reports = inbox.reports(tree)
    findings = merge(configuration, reports, now).findings
    leases = {
        (report.devid, lease.interface): (report, lease)
        for report in reports
        if isinstance(report, Report)
        for lease in report.addresses
    }
    held = {one.place: (pool_id, one) for pool_id, pool in configuration.pools() for one in pool.assignments}
    wanted = sorted(_wanted(asked, configuration, reports, leases, held))
    if not wanted:
        raise NotFound(f"no report and no pool knows {asked}", tree.reports, "see isi_net reports list")
    past = [_Past.of(one) for one in (configuration, *_older(tree, configuration))]
    steps: list[Step] = []
    for place in wanted:
        places = (_name(place), f"node {place[0]}", NOT_COMMITTED.place)
        about = [one for one in findings if one.place in places]
        steps += _steps(tree, place, leases.get(place), held.get(place), past, about, now, files.get(place))
    pools = {str(held[place][0]) for place in wanted if place in held} | {asked}
    steps += (
        Step(one.place, "rule", one.code, f"{one.message}; {one.action}")
        for one in findings
        if one.place in pools
    )
    return steps


def _name(place: Place) -> str:
    return interface_place(*place).strip()


class _Past(NamedTuple):
    """What one revision gave to whom."""

    revision: int
    given: frozenset[tuple[PoolId, Assignment]]

    @classmethod
    def of(cls, configuration: Configuration) -> "_Past":
        pools = configuration.pools()
        return cls(
            configuration.revision,
            frozenset(
                (pool_id, one._replace(server=None)) for pool_id, pool in pools for one in pool.assignments
            ),
        )


def _older(tree: Tree, configuration: Configuration) -> Iterator[Configuration]:
    """The revisions before `configuration`, the newest first, as far as they are kept and can be read."""
    number = configuration.revision
    while number > 1:
        number -= 1
        try:
            yield history.revision(tree, number)
        except (NotFound, Unreadable, FormatError):
            return


def _wanted(
    asked: str,
    configuration: Configuration,
    reports: Iterable[Report | UnreadReport],
    leases: Mapping[Place, tuple[Report, Lease]],
    held: Mapping[Place, tuple[PoolId, Assignment]],
) -> set[Place]:
    """The interfaces that `asked` concerns; of a node that has none, the node itself, with an empty name."""
    everywhere = leases.keys() | held.keys()
    devids = {node.devid for node in configuration.nodes if asked in (node.name, str(node.lnn))}
    devids |= {one.devid for one in reports if isinstance(one, Report) and asked in (one.node, str(one.lnn))}
    devids |= {one.devid for one in reports if isinstance(one, UnreadReport) and asked == str(one.devid)}
    if devids:
        found = {place for place in everywhere if place[0] in devids}
        return found | {(devid, "") for devid in devids - {devid for devid, _ in found}}

    leased = {place: lease.address for place, (_, lease) in leases.items()}
    given = {place: assigned.address for place, (_, assigned) in held.items()}
    with suppress(ValueError):
        address = IPv4Address(asked)
        return {place for place in everywhere if address in (leased.get(place), given.get(place))}
    with suppress(BadValue):
        pool_id = parse_pool_id(asked)
        if configuration.pool(pool_id) is None:
            return set()
        subnet = configuration.subnet(pool_id.subnet_id)
        network = subnet.network if subnet is not None else None
        inside = {place for place, (its_pool, _) in held.items() if its_pool == pool_id}
        return inside | {place for place, one in leased.items() if network is not None and one in network}
    return set()


def _steps(
    tree: Tree,
    place: Place,
    leased: tuple[Report, Lease] | None,
    held: tuple[PoolId, Assignment] | None,
    past: Sequence[_Past],
    about: Sequence[Finding],
    now: float,
    file: str | None,
) -> Iterator[Step]:
    """The way of one interface's address; `past` begins with the current revision."""
    name = _name(place)
    if leased is not None:
        report, lease = leased
        until = "never expires" if lease.expire is None else f"expires {times.render(lease.expire)}"
        server = lease.server or "a nameless server"
        yield Step(
            name,
            "lease",
            file or f"{report.source} on {report.node}",
            f"{lease.address} from {server}, {until}: {lease.state(now)}",
        )
        yield Step(
            name,
            "report",
            tree.report(report.devid),
            f"{lease.address} of {report.manager}, reported {times.render(report.reported_at)}",
        )
    for one in about:
        yield Step(name, "rule", one.code, f"{one.message}; {one.action}")
    if leased is not None and not about:
        yield Step(name, "rule", "accepted", "no rule speaks against it")
    if held is not None:
        pool_id, assigned = held
        since = _since(past, pool_id, assigned)
        yield Step(name, "published", str(pool_id), f"{assigned.address}, since revision {since}")
    elif place[1]:
        yield Step(name, "published", "-", f"in no pool of revision {past[0].revision}")


def _since(past: Iterable[_Past], pool_id: PoolId, assigned: Assignment) -> str:
    """The first revision in a row up to now that has it so; `or before` where no older one can be read."""
    wanted = (pool_id, assigned._replace(server=None))
    since = 0
    for revision, given in past:
        if wanted not in given:
            return str(since)
        since = revision
    return str(since) if since == 1 else f"{since} or before"
