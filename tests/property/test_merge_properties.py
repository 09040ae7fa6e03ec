"""Laws of the merge, on a street so narrow that everybody meets, whatever the network is and nodes say."""

from collections import Counter
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import NOW, configurations, reports, street_configurations, street_reports, unread

from isi_net.formats import flx_config
from isi_net.model.check import check
from isi_net.model.lease import Lease
from isi_net.model.merge import merge, next_change, nothing_new
from isi_net.model.network import (
    CLOUDS,
    EARLIER,
    ON_PREMISES,
    Assignment,
    Configuration,
    Groupnet,
    Pool,
    Subnet,
)
from isi_net.model.report import Report, UnreadReport
from isi_net.model.rules import why_unfit

Reports = list[Report | UnreadReport]


def _assignments(configuration: Configuration) -> list[Assignment]:
    return [one for _, pool in configuration.pools() for one in pool.assignments]


def _fit(configuration: Configuration) -> dict[str, tuple[Subnet, Pool]]:
    """The pools that take part in merging, by id."""
    subnets = dict(configuration.subnets())
    return {
        str(pool_id): (subnets[pool_id.subnet_id], pool)
        for pool_id, pool in configuration.pools()
        if pool.externally_managed and why_unfit(pool_id.subnet_id, subnets[pool_id.subnet_id], pool) is None
    }


def _bytes_of(pool: Pool) -> bytes:
    """The pool as it is published."""
    subnet = Subnet(1, "subnet0", "ipv4", 24, pools=(pool,))
    return flx_config.render(Configuration(groupnets=(Groupnet(1, "groupnet0", subnets=(subnet,)),)))


@given(street_configurations(), street_reports(), st.randoms(use_true_random=False))
def test_the_order_of_reports_does_not_matter(before: Configuration, said: Reports, random) -> None:
    shuffled = random.sample(said, len(said))
    assert merge(before, shuffled, NOW) == merge(before, said, NOW)


@given(street_configurations(), street_reports())
def test_merging_twice_changes_nothing(before: Configuration, said: Reports) -> None:
    once = merge(before, said, NOW)
    twice = merge(once.configuration, said, NOW)
    assert twice.configuration == once.configuration
    assert merge(twice.configuration, said, NOW) == twice


@given(street_configurations(), street_reports())
def test_no_address_and_no_interface_is_there_twice(before: Configuration, said: Reports) -> None:
    after = merge(before, said, NOW).configuration
    taking_part = [one for _, pool in _fit(after).values() for one in pool.assignments]
    everywhere = _assignments(after)
    addresses = Counter(one.address for one in everywhere)
    places = Counter(one.place for one in everywhere)
    assert [one for one in taking_part if addresses[one.address] > 1 or places[one.place] > 1] == []


@given(street_configurations(), street_reports())
def test_what_is_not_merged_comes_out_byte_for_byte(before: Configuration, said: Reports) -> None:
    merged = merge(before, said, NOW).configuration
    after, fit = dict(merged.pools()), _fit(before)
    for pool_id, pool in before.pools():
        if str(pool_id) not in fit:
            assert _bytes_of(after[pool_id]) == _bytes_of(pool)
        made_by_hand = replace(after[pool_id], assignments=(), external_manager="")
        assert made_by_hand == replace(pool, assignments=(), external_manager="")


@given(street_configurations(), street_reports())
def test_a_lease_changes_no_subnet_but_the_server_that_an_open_one_trusts(
    before: Configuration, said: Reports
) -> None:
    after = dict(merge(before, said, NOW).configuration.subnets())
    for subnet_id, subnet in before.subnets():
        now = after[subnet_id]
        assert subnet.dhcp_servers == now.dhcp_servers or not subnet.dhcp_servers
        kept = {"pools": (), "dhcp_servers": (), "next_number": 0}
        assert replace(now, **kept) == replace(subnet, **kept)


@given(street_configurations(), street_reports())
def test_whoever_is_new_has_an_unexpired_lease_of_an_address_that_is_free(
    before: Configuration, said: Reports
) -> None:
    after = merge(before, said, NOW).configuration
    had = {(one.address, one.place) for one in _assignments(before)}
    leased = {
        (lease.address, (one.devid, lease.interface))
        for one in said
        if isinstance(one, Report)
        for lease in one.addresses
        if not lease.expired(NOW)
    }
    by_hand = [
        (pool_id, one)
        for pool_id, pool in after.pools()
        for one in pool.manual_ranges
        if one.low.version == 4
    ]
    for pool_id, pool in after.pools():
        subnet = after.subnet(pool_id.subnet_id)
        for one in pool.assignments:
            if (one.address, one.place) in had:
                continue
            assert (one.address, one.place) in leased
            assert subnet is not None and subnet.network is not None and one.address in subnet.network
            assert one.address not in (
                subnet.gateway,
                subnet.network.network_address,
                subnet.network.broadcast_address,
            )
            assert not (one.address.is_loopback or one.address.is_link_local)
            assert not [whose for whose, some in by_hand if some.holds(one.address) and whose != pool_id]


@given(street_configurations(), street_reports())
def test_before_the_upgrade_is_committed_nothing_changes(before: Configuration, said: Reports) -> None:
    earlier = replace(before, settings=EARLIER)
    assert merge(earlier, said, NOW).configuration == earlier


@given(street_configurations(), street_reports())
def test_only_clouds_and_the_premises_where_they_count_give_addresses(
    before: Configuration, said: Reports
) -> None:
    counting = CLOUDS | ({ON_PREMISES} if before.settings.on_premises_dhcp else set())
    good = {one.devid for one in said if isinstance(one, Report) and one.manager in counting}
    had = {(one.address, one.place) for one in _assignments(before)}
    after = merge(before, said, NOW).configuration
    assert {one.devid for one in _assignments(after) if (one.address, one.place) not in had} <= good


@given(street_configurations(), street_reports(), st.integers(1, 5))
def test_a_report_that_turns_bad_takes_nothing_from_anybody(
    before: Configuration, said: Reports, devid: int
) -> None:
    """Once a network has settled, one node's broken report changes nothing in it."""
    assume(any(one.devid == devid for one in said))
    settled = merge(before, said, NOW).configuration
    without = [unread(devid) if one.devid == devid else one for one in said]
    after = merge(settled, without, NOW).configuration
    assert _assignments(after) == _assignments(settled)
    assert after.nodes == settled.nodes


@given(street_configurations(), street_reports(), street_reports(), st.sampled_from(("", "Contoso")))
def test_a_holder_never_loses_an_address_that_it_is_leased_though_the_lease_does_not_count(
    before: Configuration, said: Reports, then: Reports, manager: str
) -> None:
    settled = merge(before, said, NOW).configuration
    servers = dict(settled.subnets())
    held = [
        (one, next(iter(servers[pool_id.subnet_id].dhcp_servers), None))
        for pool_id, pool in settled.pools()
        for one in pool.assignments
    ]
    assume(held)
    devid = held[0][0].devid
    its = [one for one, _ in held if one.devid == devid]

    def report(devid: int, manager: str, *leases: Lease) -> Report:
        return Report(devid, devid, f"GLaDOS-{devid}", manager, "isc", "1", NOW, leases)

    holder = report(devid, manager, *(Lease(one.interface, one.address) for one in its))
    rivals = [
        report(100 + number, "AWS", Lease("ext-1", one.address, server=server))
        for number, (one, server) in enumerate(held)
    ]
    others = [one for one in then if one.devid != devid]
    after = merge(settled, [holder, *rivals, *others], NOW).configuration
    assert set(its) <= set(_assignments(after))


@given(street_configurations(), street_reports(), st.floats(0, 1))
def test_between_two_changes_nothing_changes(before: Configuration, said: Reports, share: float) -> None:
    until = next_change(said, NOW)
    later = NOW + share * (min(until, NOW + 10**7) - NOW)
    assume(later < until)
    assert merge(before, said, later) == merge(before, said, NOW)


SHIFTS = st.sampled_from((-(10**6), -1000, -300, -1, 0, 1, 300, 1000, 10**6))


@given(street_configurations(), street_reports(), st.data())
def test_where_nothing_is_new_the_merge_is_the_same(
    before: Configuration, said: Reports, data: st.DataObject
) -> None:
    again = [one if isinstance(one, UnreadReport) else _later(one, data.draw(SHIFTS)) for one in said]
    if nothing_new(said, again, NOW):
        assert merge(before, again, NOW) == merge(before, said, NOW)


def _later(report: Report, seconds: int) -> Report:
    leases = (
        one._replace(expire=None if one.expire is None else one.expire + seconds) for one in report.addresses
    )
    return report._replace(reported_at=report.reported_at + seconds, addresses=tuple(leases))


@given(street_configurations(), street_reports())
def test_what_is_merged_can_be_published_and_read_back(before: Configuration, said: Reports) -> None:
    after = merge(before, said, NOW).configuration
    data = flx_config.render(after)
    flx_config.validate(data)
    assert flx_config.parse(data) == after


@given(street_reports())
def test_the_network_that_the_system_makes_passes_its_own_check(said: Reports) -> None:
    assert check(merge(Configuration(), said, NOW).configuration) == ()


@given(configurations(), st.lists(reports(), max_size=4, unique_by=lambda one: one.devid))
def test_nothing_that_can_be_read_stops_the_merger(before: Configuration, said: list[Report]) -> None:
    once = merge(before, said, NOW)
    assert all(len(finding.message) < 2000 for finding in once.findings)


@given(street_configurations(), street_reports())
def test_silence_takes_nothing_away(before: Configuration, said: Reports) -> None:
    """When all reports are gone, all addresses stay."""
    settled = merge(before, said, NOW).configuration
    assert merge(settled, [], NOW).configuration == settled
