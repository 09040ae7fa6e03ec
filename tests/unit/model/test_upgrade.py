"""The commit of the upgrade: who is waited for, and what becomes of the pools of release 9.6."""

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from isi_net.model.changes import changes
from isi_net.model.check import check
from isi_net.model.finding import Finding
from isi_net.model.lease import Lease
from isi_net.model.merge import merge
from isi_net.model.names import PoolId
from isi_net.model.network import (
    EARLIER,
    Assignment,
    ClusterSettings,
    Configuration,
    GivenAddress,
    Groupnet,
    Iface,
    Node,
    Pool,
    Range,
    Subnet,
)
from isi_net.model.report import OLD_SECONDS, Report, UnreadReport
from isi_net.model.static import with_addresses, without_address
from isi_net.model.upgrade import Upgraded, running, silent, upgraded

NOW = 1_800_000_000
POOL_ID = PoolId("groupnet0", "subnet0", "pool0")


def ip(last: int) -> IPv4Address:
    return IPv4Address(f"10.0.0.{last}")


SERVER = ip(2)


def span(low: int, high: int) -> Range:
    return Range(ip(low), ip(high))


def report(devid: int, *addresses: tuple[str, int], **said: Any) -> Report:
    """Node `devid`, LNN one less, reports these interfaces and last numbers of addresses."""
    said = {"manager": "AWS", "version": "0.1.0", "reported_at": NOW, "expire": NOW + 3600, **said}
    expire, server = said.pop("expire"), said.pop("server", SERVER)
    leases = (Lease(name, ip(last), 24, ip(1), server, expire=expire) for name, last in addresses)
    lnn = said.pop("lnn", devid - 1)
    return Report(devid, lnn, f"GLaDOS-{devid}", source="isc", addresses=tuple(leases), **said)


BY_HAND = Pool(
    1,
    "pool0",
    description="the primary addresses",
    access_zone="zone-1",
    manual_ranges=(span(5, 7),),
    manual_ifaces=(Iface(1, "ext-1"), Iface(2, "ext-1"), Iface(3, "ext-1")),
    rules=("rule0",),
    sc_connect_policy="cpu_usage",
    sc_dns_zone="cluster.example.com",
    sc_dns_zone_aliases=("nas.example.com",),
    sc_subnet="subnet0",
    sc_suspended_nodes=(2,),
    sc_ttl=30,
)
REPORTS = (report(2, ("ext-1", 5)), report(3, ("ext-1", 6)), report(4, ("ext-1", 7)))
ASSIGNMENTS = tuple(Assignment(ip(3 + devid), devid, "ext-1", SERVER) for devid in (2, 3, 4))


def network(*pools: Pool, **subnet: Any) -> Configuration:
    """What release 9.6 had published."""
    fields = {"base_addr": ip(0), "gateway": ip(1), "next_number": len(pools) + 1, **subnet}
    numbered = tuple(replace(pool, number=number) for number, pool in enumerate(pools, start=1))
    groupnet = Groupnet(
        1, "groupnet0", subnets=(Subnet(1, "subnet0", "ipv4", 24, pools=numbered, **fields),), next_number=2
    )
    return Configuration(revision=7, groupnets=(groupnet,), next_number=2, settings=EARLIER)


def pool_of(made: Upgraded, pool_id: PoolId = POOL_ID) -> Pool:
    pool = made.configuration.pool(pool_id)
    assert pool is not None
    return pool


def without_addresses(pool: Pool) -> Pool:
    """What it was before the commit gave its interfaces their addresses."""
    return replace(pool, addresses=())


def given_in(made: Upgraded) -> dict[str, int]:
    """The last number of the address of each interface by hand."""
    return {str(one.iface): int(one.address) & 255 for one in pool_of(made).addresses}


# The work-around, in its shapes.


def test_a_pool_that_is_just_what_the_cloud_reports_becomes_externally_managed() -> None:
    made = upgraded(network(BY_HAND), REPORTS, NOW)
    assert made.configuration.settings == ClusterSettings()
    assert pool_of(made) == replace(
        BY_HAND,
        alloc_method="externally_managed",
        external_manager="AWS",
        aggregation_mode="none",
        manual_ranges=(),
        manual_ifaces=(),
        assignments=ASSIGNMENTS,
    )
    assert made.findings == ()
    after = made.configuration
    assert pool_of(made).ifaces(after.lnns()) == BY_HAND.manual_ifaces
    assert after.nodes == tuple(Node(devid, devid - 1, f"GLaDOS-{devid}") for devid in (2, 3, 4))
    assert check(after) == ()


def test_ranges_that_the_cloud_does_not_report_stay_by_hand_with_a_finding() -> None:
    wide = replace(BY_HAND, manual_ranges=(span(4, 5), span(6, 9), span(20, 29)))
    made = upgraded(network(wide), REPORTS, NOW)
    assert pool_of(made).assignments == ASSIGNMENTS
    assert pool_of(made).manual_ranges == (span(4, 4), span(8, 9), span(20, 29))
    assert [(one.code, one.severity, one.message) for one in made.findings] == [
        (
            "ranges_by_hand",
            "warning",
            "AWS reports nobody at 10.0.0.4-10.0.0.4, 10.0.0.8-10.0.0.9, 10.0.0.20-10.0.0.29: "
            "they stay as ranges made by hand",
        )
    ]
    assert check(made.configuration) == ()


PARTLY = {
    "a member that does not report": (REPORTS[:2], "no node reports an address in its ranges for 3:ext-1"),
    "a member elsewhere": (
        (*REPORTS[:2], report(4, ("ext-1", 99))),
        "no node reports an address in its ranges for 3:ext-1",
    ),
    "the wrong interface": (
        (*REPORTS[:2], report(4, ("ext-2", 7))),
        "no node reports an address in its ranges for 3:ext-1",
    ),
    "a lease that has expired": (
        (*REPORTS[:2], report(4, ("ext-1", 7), expire=NOW)),
        "no node reports an address in its ranges for 3:ext-1",
    ),
    "a report of the future": (
        (*REPORTS[:2], report(4, ("ext-1", 7), reported_at=NOW + 999)),
        "no node reports an address in its ranges for 3:ext-1",
    ),
    "a server on the premises": (
        (*REPORTS[:2], report(4, ("ext-1", 7), manager="DHCP")),
        "no node reports an address in its ranges for 3:ext-1",
    ),
    "two of one LNN": (
        (*REPORTS[:2], report(4, ("ext-1", 7)), report(9, ("ext-1", 6), lnn=3)),
        "10.0.0.6 is leased to several interfaces",
    ),
    "two addresses of one LNN": (
        (report(2, ("ext-1", 5)), report(4, ("ext-1", 7)), report(9, ("ext-1", 6), lnn=3)),
        "several nodes call themselves LNN 3",
    ),
    "another manager": (
        (*REPORTS[:2], report(4, ("ext-1", 7), manager="GCP")),
        "its members name different external managers: AWS, GCP",
    ),
}


@pytest.mark.parametrize("name", PARTLY)
def test_a_pool_whose_members_only_partly_match_is_left_alone_with_a_finding(name: str) -> None:
    said, reason = PARTLY[name]
    made = upgraded(network(BY_HAND), said, NOW)
    assert without_addresses(pool_of(made)) == BY_HAND
    assert made.configuration.settings.committed
    (finding,) = made.findings
    assert (finding.place, finding.code, finding.severity) == (str(POOL_ID), "work_around_left", "warning")
    assert reason in finding.message
    assert "before the upgrade is committed" in finding.action


@pytest.mark.parametrize("mode", ["lacp", "failover", "loadbalance"])
def test_a_pool_that_aggregates_its_interfaces_is_left_alone(mode: Any) -> None:
    pool = replace(BY_HAND, aggregation_mode=mode)
    made = upgraded(network(pool), REPORTS, NOW)
    assert without_addresses(pool_of(made)) == pool
    assert [one.code for one in made.findings] == ["work_around_left"]
    assert f"its aggregation_mode is {mode}" in made.findings[0].message


@pytest.mark.parametrize(
    ("pool_has", "subnet_has", "words"),
    [
        ({"nfsv3_rroce_only": True}, {}, "NFSoRDMA"),
        ({}, {"vlan_enabled": True, "vlan_id": 7}, "VLAN"),
        ({}, {"dhcp_servers": (ip(3),)}, "trusts 10.0.0.3"),
        ({}, {"gateway": ip(3)}, "router"),
        ({}, {"sc_service_addrs": (span(6, 6),)}, "SmartConnect"),
        ({"manual_ifaces": ()}, {}, "it has no interfaces"),
    ],
)
def test_a_pool_that_breaks_a_rule_is_left_alone(
    pool_has: dict[str, Any], subnet_has: dict[str, Any], words: str
) -> None:
    pool = replace(BY_HAND, **pool_has)
    made = upgraded(network(pool, **subnet_has), REPORTS, NOW)
    assert without_addresses(pool_of(made)) == pool
    assert words in made.findings[0].message


@pytest.mark.parametrize(
    "pool",
    [
        replace(BY_HAND, manual_ranges=(span(100, 109),)),
        replace(BY_HAND, alloc_method="dynamic"),
        replace(BY_HAND, manual_ranges=()),
    ],
    ids=["other ranges", "a dynamic pool", "no ranges"],
)
def test_a_pool_without_leased_addresses_is_none_of_this(pool: Pool) -> None:
    before = network(pool)
    committed = replace(before, settings=ClusterSettings())
    assert upgraded(before, REPORTS, NOW) == Upgraded(with_addresses(committed, before), ())


LEFT = replace(BY_HAND, manual_ranges=(span(11, 13),))


@pytest.mark.parametrize("manager", ["AWS", "DHCP", ""])
def test_in_a_pool_that_stays_static_each_has_the_address_that_it_is_leased_or_none(manager: str) -> None:
    said = (report(2, ("ext-1", 13), manager=manager), report(3, ("ext-1", 12), manager=manager))
    made = upgraded(network(LEFT), said, NOW)
    assert pool_of(made) == replace(
        LEFT, addresses=(GivenAddress(Iface(1, "ext-1"), ip(13)), GivenAddress(Iface(2, "ext-1"), ip(12)))
    )
    assert [one.message for one in without_address(made.configuration)] == [
        "3:ext-1 has no address of the pool's"
    ]
    assert check(made.configuration) == ()


@pytest.mark.parametrize(
    ("others", "given"),
    [
        ((report(3, ("ext-1", 99)),), {"1:ext-1": 13}),
        ((report(3, ("ext-2", 12)),), {"1:ext-1": 13}),
        ((report(3, ("ext-1", 12), expire=NOW),), {"1:ext-1": 13}),
        ((report(3, ("ext-1", 12), reported_at=NOW + 999),), {"1:ext-1": 13}),
        ((report(3, ("ext-1", 13)),), {}),
        ((report(3, ("ext-1", 13), manager=""),), {}),
        ((report(3, ("ext-1", 12)), report(9, ("ext-1", 11), lnn=2)), {"1:ext-1": 13}),
        ((report(3, ("ext-1", 12)), report(9, ("ext-1", 99), lnn=2)), {"1:ext-1": 13}),
    ],
    ids=["elsewhere", "ext-2", "expired", "future", "twice", "twice, uncounted", "two of one LNN", "which"],
)
def test_there_an_address_that_is_not_plainly_an_interfaces_own_is_given_to_nobody(
    others: tuple[Report, ...], given: dict[str, int]
) -> None:
    made = upgraded(network(LEFT), (report(2, ("ext-1", 13)), *others), NOW)
    assert given_in(made) == given


@pytest.mark.parametrize(
    "subnet_has",
    [{"gateway": ip(13)}, {"sc_service_addrs": (span(13, 13),)}],
    ids=["the gateway's", "SmartConnect's"],
)
def test_there_what_is_a_service_s_is_given_to_nobody_though_leased(subnet_has: dict[str, Any]) -> None:
    said = (report(2, ("ext-1", 13)), report(3, ("ext-1", 12)))
    assert given_in(upgraded(network(LEFT, **subnet_has), said, NOW)) == {"2:ext-1": 12}


def test_two_such_pools_are_both_converted() -> None:
    first = replace(BY_HAND, manual_ranges=(span(5, 5),), manual_ifaces=(Iface(1, "ext-1"),))
    second = replace(
        BY_HAND,
        name="pool1",
        manual_ranges=(span(6, 7),),
        manual_ifaces=(Iface(2, "ext-1"), Iface(3, "ext-1")),
    )
    made = upgraded(network(first, second), REPORTS, NOW)
    assert made.findings == ()
    assert [len(pool.assignments) for _, pool in made.configuration.pools()] == [1, 2]
    assert check(made.configuration) == ()


def test_on_azure_only_a_pool_in_the_first_subnet_is_converted() -> None:
    said = [one._replace(manager="Azure") for one in REPORTS]
    assert pool_of(upgraded(network(BY_HAND), said, NOW)).external_manager == "Azure"
    elsewhere = network(BY_HAND)
    elsewhere = elsewhere.with_groupnet(replace(elsewhere.groupnets[0], name="lab"))
    made = upgraded(elsewhere, said, NOW)
    assert [one.code for one in made.findings] == ["work_around_left"]
    assert "on Azure all pools are in groupnet0.subnet0" in made.findings[0].message


def test_what_the_commit_made_is_what_the_merger_makes_of_the_same_reports() -> None:
    """No address moves, comes or goes with the merger's first turn; it only pins the server."""
    made = upgraded(network(BY_HAND), REPORTS, NOW)
    merged = merge(made.configuration, REPORTS, NOW)
    assert merged.findings == ()
    assert list(changes(made.configuration, merged.configuration)) == [
        "groupnet0.subnet0: dhcp_servers - is now 10.0.0.2"
    ]


def test_a_node_that_reports_into_the_left_over_range_joins_at_the_next_turn() -> None:
    made = upgraded(network(replace(BY_HAND, manual_ranges=(span(5, 9),))), REPORTS, NOW)
    merged = merge(made.configuration, (*REPORTS, report(5, ("ext-1", 9))), NOW)
    assert merged.findings == ()
    pool = merged.configuration.pool(POOL_ID)
    assert pool is not None
    assert [one.devid for one in pool.assignments] == [2, 3, 4, 5]


def test_committing_twice_changes_nothing() -> None:
    made = upgraded(network(BY_HAND), REPORTS, NOW)
    assert upgraded(made.configuration, REPORTS[:1], NOW) == Upgraded(made.configuration, ())


def test_a_cluster_without_reports_is_committed_and_nothing_is_converted() -> None:
    before = network(BY_HAND)
    committed = replace(before, settings=ClusterSettings())
    assert upgraded(before, (), NOW).configuration == with_addresses(committed, before)


# Who is waited for.


@pytest.mark.parametrize("theirs", ["0.2.0", "0.10.0rc1", "0.9.99", "", "kodiak"])
def test_a_living_node_with_an_older_daemon_is_waited_for(theirs: str) -> None:
    (one,) = running([report(3, version=theirs)], "0.10.0", NOW)
    assert (one.devid, one.version, str(one)) == (3, theirs, "node 3 GLaDOS-3")
    assert one.why_not == f"its daemon is of version {theirs or '(none)'}, this program of 0.10.0"


@pytest.mark.parametrize("theirs", ["0.10.0", "0.10", "0.10.1", "0.11.0", "1.0"])
def test_one_with_this_or_a_later_daemon_is_not(theirs: str) -> None:
    (one,) = running([report(3, version=theirs)], "0.10.0", NOW)
    assert one.why_not == ""


@pytest.mark.parametrize(
    ("age", "waited_for"), [(0, True), (OLD_SECONDS, True), (OLD_SECONDS + 1, False), (-999, True)]
)
def test_one_that_has_not_reported_for_long_is_not(age: int, waited_for: bool) -> None:
    (one,) = running([report(3, version="0.0.9", reported_at=NOW - age)], "0.1.0", NOW)
    assert bool(one.why_not) is waited_for


def test_one_whose_report_cannot_be_read_is_waited_for() -> None:
    finding = Finding("node 3", "report_broken", "error", "not JSON, node.3")
    (one,) = running([UnreadReport(3, finding)], "0.1.0", NOW)
    assert (str(one), one.why_not) == ("node 3", "its report cannot be read: not JSON, node.3")


def test_a_node_that_pools_name_and_that_has_no_report_is_in_the_way() -> None:
    """So is every node of the earlier release, which writes none."""
    before = network(BY_HAND, replace(BY_HAND, name="pool1", alloc_method="dynamic"))
    unread = UnreadReport(9, Finding("node 9", "report_broken", "error", "not JSON, node.9"))
    found = silent(before, (report(3, lnn=2), unread))
    assert [(one.place, one.code, one.severity) for one in found] == [
        ("LNN 1", "node_silent", "error"),
        ("LNN 3", "node_silent", "error"),
    ]
    assert found[0].message.startswith("it is a member of groupnet0.subnet0.pool0 and has no report")
    assert [one.place for one in silent(before, ())] == ["LNN 1", "LNN 2", "LNN 3"]


def test_one_that_has_reported_or_is_in_no_pool_is_not_and_after_the_commit_nobody_is() -> None:
    assert silent(network(BY_HAND), (report(2), report(3, reported_at=1), report(4))) == ()
    assert silent(network(replace(BY_HAND, manual_ifaces=())), ()) == ()
    assert silent(replace(network(BY_HAND), settings=ClusterSettings()), ()) == ()
