"""Laws of the upgrade's commit, on the street where everybody meets."""

from dataclasses import replace
from ipaddress import IPv4Address
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from strategies import NOW, street_configurations, street_leases, street_reports

from isi_net.model.check import check
from isi_net.model.lease import Lease
from isi_net.model.merge import Place, hear, merge
from isi_net.model.network import (
    EARLIER,
    Assignment,
    ClusterSettings,
    Configuration,
    Groupnet,
    Iface,
    Pool,
    Range,
    Subnet,
)
from isi_net.model.report import Report, UnreadReport
from isi_net.model.upgrade import upgraded

Reports = list[Report | UnreadReport]
FIRST, SERVER = IPv4Address("10.0.0.0"), IPv4Address("10.0.0.1")


def _address(last: int) -> IPv4Address:
    return FIRST + last


@st.composite
def by_hand(draw: st.DrawFn) -> Configuration:
    """A subnet as release 9.6 had it: static pools, whose ranges do not run into each other."""
    pools = []
    edges = draw(st.lists(st.integers(2, 9), max_size=5, unique=True).map(sorted))
    for number, (low, high) in enumerate(pairwise(edges), start=1):
        ifaces = draw(
            st.lists(st.builds(Iface, st.integers(1, 3), st.sampled_from(("ext-1", "ext-2"))), max_size=2)
        )
        pools.append(
            Pool(
                number,
                f"pool{number}",
                draw(st.sampled_from(("static", "static", "static", "dynamic"))),
                aggregation_mode=draw(st.sampled_from(("roundrobin", "none", "lacp"))),
                manual_ranges=(Range(_address(low), _address(high - 1)),),
                manual_ifaces=tuple(dict.fromkeys(ifaces)),
                sc_dns_zone="zone",
            )
        )
    subnet = Subnet(1, "subnet0", "ipv4", 24, base_addr=FIRST, pools=tuple(pools), next_number=9)
    return Configuration(
        revision=7,
        groupnets=(Groupnet(1, "groupnet0", subnets=(subnet,), next_number=2),),
        next_number=2,
        settings=EARLIER,
    )


@st.composite
def clusters(draw: st.DrawFn) -> tuple[Configuration, Reports]:
    """What release 9.6 had, and reports of which many say what it had by hand."""
    before = draw(by_hand())
    leases: dict[int, dict[str, Lease]] = {}
    for _, pool in before.pools():
        for iface in pool.manual_ifaces:
            one = draw(st.sampled_from(pool.manual_ranges))
            address = IPv4Address(draw(st.integers(int(one.low), int(one.high))))
            strange = draw(st.integers(0, 9)) == 0
            lease = draw(street_leases()) if strange else Lease(iface.name, address, 24, server=SERVER)
            leases.setdefault(iface.lnn, {}).setdefault(iface.name, lease._replace(interface=iface.name))
    manager = draw(st.sampled_from(("AWS", "AWS", "Azure", "GCP", "DHCP")))
    known = [
        Report(lnn + 1, lnn, f"GLaDOS-{lnn}", manager, "isc", "1", NOW, tuple(its.values()))
        for lnn, its in leases.items()
    ]
    others = draw(st.just([]) | street_reports())
    return before, [*known, *(one for one in others if one.devid not in {each.devid for each in known})]


def _addresses(pool: Pool) -> set[int]:
    return {number for one in pool.ranges for number in range(int(one.low), int(one.high) + 1)}


def _heard(reports: Reports) -> set[tuple[Place, IPv4Address]]:
    """The unexpired leases that the merger can use, whether they count or not."""
    heard = hear(reports, ClusterSettings(), NOW, [])
    live = {(one.place, one.lease.address) for one in heard.claims if not one.lease.expired(NOW)}
    return live | {(place, IPv4Address(address)) for place, address in heard.uncounted.items()}


def _held(configuration: Configuration) -> set[Assignment]:
    return {one for _, pool in configuration.pools() for one in pool.assignments}


@given(clusters())
def test_a_pool_is_left_alone_or_keeps_its_addresses_members_and_settings(
    cluster: tuple[Configuration, Reports],
) -> None:
    before, reports = cluster
    after = upgraded(before, reports, NOW).configuration
    assert after.settings.committed
    lnns = after.lnns()
    for (pool_id, old), (same_id, new) in zip(before.pools(), after.pools(), strict=True):
        assert pool_id == same_id
        if replace(new, addresses=()) == old:
            continue
        assert (old.alloc_method, new.alloc_method) == ("static", "externally_managed")
        assert _addresses(new) == _addresses(old)
        assert new.ifaces(lnns) == tuple(sorted(old.manual_ifaces))
        mine = {"alloc_method": "static", "external_manager": "", "aggregation_mode": "none"}
        addresses = {"manual_ranges": (), "manual_ifaces": (), "assignments": ()}
        assert replace(new, **mine, **addresses) == replace(old, **mine, **addresses)


@given(clusters() | st.tuples(street_configurations(), street_reports()))
def test_the_commit_breaks_no_rule(cluster: tuple[Configuration, Reports]) -> None:
    before, reports = replace(cluster[0], settings=EARLIER), cluster[1]
    after = upgraded(before, reports, NOW).configuration
    assert [one for one in check(after) if one not in check(before) and one.code != "azure_subnet"] == []


@given(clusters())
def test_no_address_goes_or_moves_with_the_mergers_first_turn(cluster: tuple[Configuration, Reports]) -> None:
    before, reports = cluster
    after = upgraded(before, reports, NOW).configuration
    assert _held(after) <= _held(merge(after, reports, NOW).configuration)


@given(clusters())
def test_where_leases_lie_nobody_is_given_an_address_but_by_its_own_lease(
    cluster: tuple[Configuration, Reports],
) -> None:
    before, reports = cluster
    leased = {
        (Iface(one.lnn, lease.interface), lease.address)
        for one in reports
        if isinstance(one, Report)
        for lease in one.addresses
        if not lease.expired(NOW)
    }
    usable = {address for _, address in _heard(reports)}
    for _, pool in upgraded(before, reports, NOW).configuration.pools():
        if any(one.holds(address) for one in pool.manual_ranges for address in usable):
            assert {(one.iface, one.address) for one in pool.addresses} <= leased


@given(clusters(), st.randoms(use_true_random=False))
def test_the_order_of_reports_does_not_matter(cluster: tuple[Configuration, Reports], random) -> None:
    before, reports = cluster
    shuffled = random.sample(reports, len(reports))
    assert upgraded(before, shuffled, NOW) == upgraded(before, reports, NOW)


@given(clusters())
def test_committing_twice_changes_nothing(cluster: tuple[Configuration, Reports]) -> None:
    before, reports = cluster
    after = upgraded(before, reports, NOW).configuration
    assert upgraded(after, reports, NOW).configuration == after
