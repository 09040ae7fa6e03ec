"""The merge, finding by finding: what triggers each, and the neighbour that does not."""

import math
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address
from random import Random
from time import process_time
from typing import Any

import pytest

from isi_net.model.finding import Finding
from isi_net.model.lease import Lease
from isi_net.model.merge import Merged, merge, next_change, nothing_new
from isi_net.model.names import PoolId, SubnetId
from isi_net.model.network import (
    EARLIER,
    Assignment,
    ClusterSettings,
    Configuration,
    Groupnet,
    Iface,
    Node,
    Pool,
    Range,
    Subnet,
)
from isi_net.model.report import Report, UnreadReport

NOW = 1_800_000_000
SERVER, GATEWAY = IPv4Address("10.0.0.2"), IPv4Address("10.0.0.1")
SUBNET_ID = SubnetId("groupnet0", "subnet0")
POOL_ID = PoolId(*SUBNET_ID, "pool0")


def ip(last: int) -> IPv4Address:
    return IPv4Address(f"10.0.0.{last}")


def lease(last: int, interface: str = "ext-1", **said: Any) -> Lease:
    said = {"prefixlen": 24, "gateway": GATEWAY, "server": SERVER, "expire": NOW + 3600, **said}
    return Lease(interface, ip(last), **said)


def report(devid: int, *leases: Lease, manager: str = "AWS", **said: Any) -> Report:
    said = {"lnn": devid, "node": f"GLaDOS-{devid}", "reported_at": NOW - 10, **said}
    return Report(devid, manager=manager, source="isc", version="1", addresses=leases, **said)


def unread(devid: int) -> UnreadReport:
    return UnreadReport(devid, Finding(f"node {devid}", "report_broken", "error", "not JSON"))


def assigned(last: int, devid: int, interface: str = "ext-1") -> Assignment:
    return Assignment(ip(last), devid, interface, SERVER)


ON_PREMISES_TOO = ClusterSettings(on_premises_dhcp=True)


def subnet(*pools: Pool, **settings: Any) -> Subnet:
    settings = {"base_addr": ip(0), "gateway": GATEWAY, "next_number": len(pools) + 1, **settings}
    return Subnet(1, "subnet0", "ipv4", 24, pools=pools, **settings)


def managed(*assignments: Assignment, manager: str = "AWS", **settings: Any) -> Pool:
    settings = {"aggregation_mode": "none", **settings}
    return Pool(
        1, "pool0", "externally_managed", external_manager=manager, assignments=assignments, **settings
    )


def network(*subnets: Subnet) -> Configuration:
    numbered = tuple(replace(one, number=number) for number, one in enumerate(subnets, start=1))
    groupnet = Groupnet(1, "groupnet0", subnets=numbered, next_number=len(numbered) + 1)
    nodes = sorted({one.devid for sub in subnets for pool in sub.pools for one in pool.assignments})
    return Configuration(
        nodes=tuple(Node(devid, devid, f"GLaDOS-{devid}") for devid in nodes),
        groupnets=(groupnet,),
        next_number=2,
        settings=ON_PREMISES_TOO,
    )


def one_pool(*assignments: Assignment, manager: str = "AWS") -> Configuration:
    return network(subnet(managed(*assignments, manager=manager), dhcp_servers=(SERVER,)))


def codes(merged: Merged) -> list[str]:
    return [one.code for one in merged.findings]


def held(merged: Merged, pool_id: PoolId = POOL_ID) -> dict[str, int]:
    """Who holds what: the address's last number by `devid interface`."""
    pool = merged.configuration.pool(pool_id)
    assert pool is not None
    return {f"{one.devid} {one.interface}": int(one.address) & 255 for one in pool.assignments}


def test_a_leased_address_comes_into_the_pool() -> None:
    merged = merge(one_pool(), [report(3, lease(5)), report(4, lease(6, "ext-2"))], NOW)
    assert held(merged) == {"3 ext-1": 5, "4 ext-2": 6}
    assert merged.findings == ()
    assert merged.configuration.nodes == (Node(3, 3, "GLaDOS-3"), Node(4, 4, "GLaDOS-4"))
    assert merged.configuration.pool(POOL_ID).assignments[0].server == SERVER


def test_a_newer_lease_replaces_the_interfaces_old_address() -> None:
    merged = merge(one_pool(assigned(5, 3)), [report(3, lease(9))], NOW)
    assert (held(merged), codes(merged)) == ({"3 ext-1": 9}, [])


# Pools that take no part.


@pytest.mark.parametrize(
    ("pool_has", "subnet_has", "words"),
    [
        ({"aggregation_mode": "lacp"}, {}, "aggregation_mode is lacp"),
        ({"nfsv3_rroce_only": True}, {}, "NFSoRDMA"),
        ({}, {"vlan_enabled": True, "vlan_id": 7}, "VLAN"),
        ({}, {"base_addr": None, "gateway": None}, "nothing tells the addresses"),
    ],
)
def test_an_unfit_pool_keeps_what_it_had(
    pool_has: dict[str, Any], subnet_has: dict[str, Any], words: str
) -> None:
    before = network(subnet(managed(assigned(5, 3), **pool_has), **subnet_has))
    said = [report(3, lease(9)), report(4, lease(5), manager="DHCP"), report(5, lease(7))]
    merged = merge(before, said, NOW)
    assert merged.configuration == before
    assert set(codes(merged)) - {"no_subnet"} == {"pool_unfit"}
    assert words in next(one.message for one in merged.findings if one.code == "pool_unfit")


def test_a_pool_in_an_ipv6_subnet_is_unfit() -> None:
    before = network(replace(subnet(managed()), addr_family="ipv6", base_addr=None, gateway=None))
    assert codes(merge(before, [report(3, lease(5))], NOW)) == ["pool_unfit", "no_subnet"]


def test_an_interface_of_an_unfit_pool_gets_no_second_address_elsewhere() -> None:
    unfit = replace(subnet(managed(assigned(5, 3)), vlan_enabled=True), name="subnet1")
    elsewhere = IPv4Address("10.1.0.9")
    fit = subnet(managed(), base_addr=IPv4Address("10.1.0.0"), gateway=None)
    merged = merge(network(unfit, fit), [report(3, lease(9)._replace(address=elsewhere))], NOW)
    assert (held(merged), codes(merged)) == ({}, ["pool_unfit"])
    assert held(merged, PoolId("groupnet0", "subnet1", "pool0")) == {"3 ext-1": 5}


def test_an_address_of_an_unfit_pool_gets_no_second_holder_elsewhere() -> None:
    fit = replace(managed(), number=2, name="pool1")
    before = network(subnet(managed(assigned(5, 3), aggregation_mode="lacp"), fit))
    merged = merge(before, [report(4, lease(5))], NOW)
    assert (held(merged), held(merged, PoolId(*SUBNET_ID, "pool1"))) == ({"3 ext-1": 5}, {})


# Addresses that belong nowhere.


def test_an_address_outside_every_subnet_is_told() -> None:
    stray = lease(5)._replace(address=IPv4Address("192.0.2.5"))
    merged = merge(one_pool(assigned(5, 3)), [report(3, stray)], NOW)
    assert (held(merged), codes(merged)) == ({"3 ext-1": 5}, ["no_subnet"])


def test_an_address_of_a_subnet_without_an_externally_managed_pool_is_told() -> None:
    other = replace(subnet(), name="subnet1", base_addr=IPv4Address("192.0.2.0"), gateway=None)
    stray = lease(5)._replace(address=IPv4Address("192.0.2.5"))
    before = network(subnet(managed()), other)
    assert codes(merge(before, [report(3, stray)], NOW)) == ["no_pool"]


# Who holds an address.


def test_the_holder_keeps_an_address_that_another_is_leased_too() -> None:
    merged = merge(one_pool(assigned(5, 3)), [report(2, lease(5)), report(3, lease(5))], NOW)
    assert held(merged) == {"3 ext-1": 5}
    assert [(one.place, one.code) for one in merged.findings] == [("node 2 ext-1", "address_twice")]
    assert "node 3 ext-1 holds it" in merged.findings[0].message


def test_among_newcomers_the_lowest_devid_has_it() -> None:
    merged = merge(one_pool(), [report(7, lease(5)), report(4, lease(5))], NOW)
    assert (held(merged), codes(merged)) == ({"4 ext-1": 5}, ["address_twice"])


def test_two_nodes_swap_their_addresses_in_one_merge() -> None:
    merged = merge(one_pool(assigned(5, 3), assigned(6, 4)), [report(3, lease(6)), report(4, lease(5))], NOW)
    assert (held(merged), codes(merged)) == ({"3 ext-1": 6, "4 ext-1": 5}, [])


def test_a_node_moves_to_an_address_that_another_has_just_left() -> None:
    merged = merge(one_pool(assigned(5, 3), assigned(6, 4)), [report(3, lease(6)), report(4, lease(7))], NOW)
    assert (held(merged), codes(merged)) == ({"3 ext-1": 6, "4 ext-1": 7}, [])


@pytest.mark.parametrize("manager", ["AWS", "DHCP"])
@pytest.mark.parametrize(
    "holders_word",
    [[], [report(3)], [report(3, lease(5, expire=NOW))]],
    ids=["missing", "silent", "expired"],
)
def test_a_holder_without_a_good_lease_yields_to_one_who_has_it(
    manager: str, holders_word: list[Report]
) -> None:
    said = [one._replace(manager=manager) for one in (*holders_word, report(9, lease(5)))]
    assert held(merge(one_pool(assigned(5, 3), manager=manager), said, NOW)) == {"9 ext-1": 5}


@pytest.mark.parametrize(
    "holders_word", [unread(3), report(3, reported_at=NOW + 500)], ids=["unread", "of the future"]
)
def test_a_holder_of_whom_nobody_can_tell_does_not_yield(holders_word: Report | UnreadReport) -> None:
    merged = merge(one_pool(assigned(5, 3)), [holders_word, report(2, lease(5))], NOW)
    assert held(merged) == {"3 ext-1": 5}
    assert "address_twice" in codes(merged)


@pytest.mark.parametrize("manager", ["", "DHCP", "Contoso"])
def test_a_holder_whose_unexpired_lease_does_not_count_does_not_yield(manager: str) -> None:
    """It is on the wire with that address, whoever its node takes its manager to be."""
    before = replace(one_pool(assigned(11, 1), assigned(12, 2)), settings=ClusterSettings())
    said = [report(1, lease(11), manager=manager), report(2, lease(11))]
    merged = merge(before, said, NOW)
    assert held(merged) == {"1 ext-1": 11, "2 ext-1": 12}
    assert [(one.place, one.code) for one in merged.findings] == [
        ("node 1 ext-1", "not_in_a_cloud"),
        ("node 2 ext-1", "address_twice"),
    ]


@pytest.mark.parametrize("word", [lease(11, expire=NOW), lease(13), lease(11, "ext-2")])
def test_a_lease_that_does_not_count_keeps_only_its_own_address_and_only_until_its_end(word: Lease) -> None:
    before = replace(one_pool(assigned(11, 1)), settings=ClusterSettings())
    merged = merge(before, [report(1, word, manager=""), report(2, lease(11))], NOW)
    assert held(merged) == {"2 ext-1": 11}


def test_a_claim_of_an_address_that_a_lease_keeps_which_does_not_count_pins_no_server() -> None:
    before = replace(network(subnet(managed(assigned(11, 1)))), settings=ClusterSettings())
    merged = merge(before, [report(1, lease(11), manager=""), report(2, lease(11, server=ip(66)))], NOW)
    assert merged.configuration == before


def test_a_holder_does_not_yield_to_a_server_that_is_not_trusted() -> None:
    merged = merge(one_pool(assigned(5, 3)), [report(9, lease(5, server=ip(66)))], NOW)
    assert (held(merged), codes(merged)) == ({"3 ext-1": 5}, ["report_missing", "server_not_trusted"])


def test_one_lease_of_several_counts() -> None:
    said = report(3, lease(8), lease(7), lease(6, expire=NOW))
    merged = merge(one_pool(), [said], NOW)
    assert (held(merged), codes(merged)) == ({"3 ext-1": 7}, ["several_addresses"])
    assert codes(merge(one_pool(), [report(3, lease(7), lease(8, "ext-2"))], NOW)) == []


def test_an_address_that_a_configuration_names_twice_has_one_holder_after() -> None:
    merged = merge(one_pool(assigned(5, 3), assigned(5, 4), assigned(6, 3)), [], NOW)
    assert held(merged) == {"3 ext-1": 5}


# Silence.


@pytest.mark.parametrize("manager", ["AWS", "Azure", "GCP", "OCI"])
def test_a_cloud_pins_the_address_of_an_expired_lease(manager: str) -> None:
    said = [report(3, lease(5, expire=NOW), manager=manager)]
    merged = merge(one_pool(assigned(5, 3), manager=manager), said, NOW)
    assert (held(merged), codes(merged)) == ({"3 ext-1": 5}, ["lease_expired"])
    assert codes(merge(one_pool(assigned(5, 3)), [report(3, lease(5, expire=NOW + 1))], NOW)) == []


def test_on_premises_an_expired_lease_gives_its_address_back() -> None:
    said = [report(3, lease(5, expire=NOW), manager="DHCP")]
    merged = merge(one_pool(assigned(5, 3), manager="DHCP"), said, NOW)
    assert (held(merged), codes(merged)) == ({}, ["lease_expired"])
    assert merged.configuration.nodes == ()


@pytest.mark.parametrize("manager", ["AWS", "DHCP"])
def test_nobody_gains_an_address_by_an_expired_lease(manager: str) -> None:
    merged = merge(one_pool(manager=manager), [report(3, lease(5, expire=NOW - 1), manager=manager)], NOW)
    assert (held(merged), codes(merged)) == ({}, ["lease_expired"])


def test_a_lease_for_ever_does_not_expire() -> None:
    assert codes(merge(one_pool(), [report(3, lease(5, expire=None))], NOW)) == []


def test_an_old_report_keeps_its_addresses() -> None:
    def at(age: float) -> list[str]:
        return codes(merge(one_pool(assigned(5, 3)), [report(3, lease(5), reported_at=NOW)], NOW + age))

    assert [at(900), at(900.9), at(901)] == [[], [], ["report_old"]]


def test_a_report_from_the_future_is_not_used() -> None:
    def at(ahead: int) -> Merged:
        return merge(one_pool(assigned(5, 3)), [report(3, lease(6), reported_at=NOW + ahead)], NOW)

    assert (held(at(120)), codes(at(120))) == ({"3 ext-1": 6}, [])
    assert (held(at(121)), codes(at(121))) == ({"3 ext-1": 5}, ["report_from_future"])


def test_a_node_without_a_report_keeps_its_addresses_and_name() -> None:
    before = one_pool(assigned(5, 3))
    merged = merge(before, [], NOW)
    assert (merged.configuration, codes(merged)) == (before, ["report_missing"])


def test_an_interface_of_which_its_node_says_nothing_keeps_its_address() -> None:
    merged = merge(one_pool(assigned(5, 3), assigned(6, 3, "ext-2")), [report(3, lease(5))], NOW)
    assert held(merged) == {"3 ext-1": 5, "3 ext-2": 6}
    assert [(one.place, one.code) for one in merged.findings] == [("node 3 ext-2", "interface_silent")]


def test_an_unread_report_is_told_and_costs_nothing() -> None:
    before = one_pool(assigned(5, 3), assigned(6, 4))
    merged = merge(before, [unread(3), report(4, lease(6))], NOW)
    assert (merged.configuration, merged.findings) == (before, (unread(3).finding,))


def test_a_node_s_own_problems_are_passed_on() -> None:
    problem = Finding("leases", "file_corrupt", "error", "line 7")
    found = merge(one_pool(), [report(3, problems=(problem,))], NOW).findings
    assert found == (problem._replace(place="node 3 leases"),)


def test_the_same_problem_of_two_nodes_is_told_of_both() -> None:
    problem = Finding("/var/db/dhclient", "lease_file_missing", "warning", "there is no lease file")
    found = merge(one_pool(), [report(devid, problems=(problem,)) for devid in (3, 4)], NOW).findings
    assert [one.place for one in found] == ["node 3 /var/db/dhclient", "node 4 /var/db/dhclient"]


def test_nobody_reports_a_problem_at_another_s_place() -> None:
    problem = Finding("node 3 ext-1", "lease_file_missing", "warning", "there is no lease file")
    [found] = merge(one_pool(), [report(4, problems=(problem,))], NOW).findings
    assert found.place == "node 4 node 3 ext-1"


# Trust.


def test_the_first_server_to_give_an_address_is_pinned() -> None:
    open_one = network(subnet(managed()))
    said = [report(3, lease(5)), report(4, lease(6, server=ip(66)))]
    merged = merge(open_one, said, NOW)
    assert merged.configuration.subnet(SUBNET_ID).dhcp_servers == (SERVER,)
    assert (held(merged), codes(merged)) == ({"3 ext-1": 5}, ["server_not_trusted"])


@pytest.mark.parametrize(
    "first",
    [
        lease(5, server=ip(66), expire=NOW),
        lease(5, server=ip(66), prefixlen=16),
        lease(1, server=ip(66)),
        lease(9, server=ip(66)),
        lease(5, server=None),
    ],
    ids=["expired", "contradicts the subnet", "the gateway's", "another's address", "nameless"],
)
def test_a_claim_that_gives_no_address_pins_no_server(first: Lease) -> None:
    open_one = network(subnet(managed(assigned(9, 8))))
    said = [report(3, first), report(4, lease(6)), report(8, lease(9))]
    assert merge(open_one, said, NOW).configuration.subnet(SUBNET_ID).dhcp_servers == (SERVER,)


def test_a_lease_without_a_server_is_taken_while_nobody_is_trusted_yet() -> None:
    merged = merge(network(subnet(managed())), [report(3, lease(5, server=None))], NOW)
    assert (held(merged), codes(merged)) == ({"3 ext-1": 5}, [])
    assert merged.configuration.subnet(SUBNET_ID).dhcp_servers == ()


# What nodes call things.


def test_managers_that_differ_change_nothing() -> None:
    merged = merge(one_pool(), [report(3, lease(5), manager="DHCP"), report(4, lease(6))], NOW)
    assert merged.configuration.pool(POOL_ID).external_manager == "AWS"
    assert [(one.code, one.message) for one in merged.findings] == [
        ("managers_differ", "the nodes name different external managers: AWS, DHCP")
    ]


def test_the_manager_that_all_agree_on_is_the_pools_at_once() -> None:
    """An expired lease is judged by the new manager, not by the one before: else it would take two turns."""
    said = [report(3, lease(5, expire=NOW), manager="DHCP")]
    merged = merge(one_pool(assigned(5, 3)), said, NOW)
    assert (merged.configuration.pool(POOL_ID).external_manager, held(merged)) == ("DHCP", {})


def test_a_pool_elsewhere_does_not_become_azures_which_nobody_could_take_back() -> None:
    said = [report(3, lease(5), manager="Azure")]
    elsewhere = one_pool(assigned(5, 3))
    elsewhere = elsewhere.with_groupnet(replace(elsewhere.groupnets[0], name="lab"))
    merged = merge(elsewhere, said, NOW)
    assert (merged.configuration, codes(merged)) == (elsewhere, ["azure_subnet"])
    here = merge(one_pool(assigned(5, 3)), said, NOW)
    assert here.configuration.pool(POOL_ID).external_manager == "Azure"
    assert merge(here.configuration, [report(3, lease(5))], NOW).configuration == one_pool(assigned(5, 3))


def test_while_a_report_is_unread_the_manager_stays() -> None:
    said = [unread(2), report(3, lease(5), manager="DHCP")]
    assert merge(one_pool(), said, NOW).configuration.pool(POOL_ID).external_manager == "AWS"


def test_two_nodes_of_one_lnn_are_told() -> None:
    merged = merge(one_pool(), [report(3, lease(5), lnn=7), report(4, lease(6), lnn=7)], NOW)
    assert [(one.place, one.code) for one in merged.findings] == [("LNN 7", "lnn_twice")]
    assert "3, 4" in merged.findings[0].message


def test_thousands_of_namesakes_make_a_finding_of_one_line() -> None:
    said = [report(n, lease(5)._replace(address=ip(n)), lnn=7) for n in range(4, 254)]
    (finding,) = merge(one_pool(), said, NOW).findings
    assert "devid 4, 5, 6 and 247 more all" in finding.message


def test_words_that_cannot_be_published_are_made_visible() -> None:
    merged = merge(one_pool(), [report(3, lease(5), node="a\x00b\ufffe")], NOW)
    assert merged.configuration.nodes[0].name == r"a\x00b\ufffe"


# Not in a cloud; and before the upgrade is committed.


def test_on_premises_no_lease_counts_until_the_administrator_says_so() -> None:
    said = [report(3, lease(5), manager="DHCP"), report(4, lease(9), manager="DHCP")]
    before = replace(one_pool(assigned(5, 3), manager="DHCP"), settings=ClusterSettings())
    merged = merge(before, said, NOW)
    assert merged.configuration == before
    assert codes(merged) == ["not_in_a_cloud"] * 2
    assert merged.findings[0].severity == "warning"
    assert "10.0.0.5 is leased on the premises" in merged.findings[0].message
    assert "isi_net settings modify --on-premises-dhcp=true" in merged.findings[0].action
    lifted = merge(replace(before, settings=ON_PREMISES_TOO), said, NOW)
    assert (held(lifted), codes(lifted)) == ({"3 ext-1": 5, "4 ext-1": 9}, [])


def test_on_premises_no_pool_is_made() -> None:
    said = [report(3, lease(5), manager="DHCP")]
    merged = merge(Configuration(), said, NOW)
    assert (merged.configuration, codes(merged)) == (Configuration(), ["not_in_a_cloud"])
    lifted = merge(Configuration(settings=ON_PREMISES_TOO), said, NOW)
    assert held(lifted) == {"3 ext-1": 5}


def test_an_expired_lease_that_does_not_count_takes_nothing_away() -> None:
    before = replace(one_pool(assigned(5, 3), manager="DHCP"), settings=ClusterSettings())
    merged = merge(before, [report(3, lease(5, expire=NOW), manager="DHCP")], NOW)
    assert (held(merged), codes(merged)) == ({"3 ext-1": 5}, ["not_in_a_cloud"])


@pytest.mark.parametrize("manager", ["", "aws", "MyCloud", "AWS\x00"])
@pytest.mark.parametrize("lifted", [False, True])
def test_a_manager_that_nobody_knows_gives_no_address_and_names_no_pool(manager: str, lifted: bool) -> None:
    before = replace(one_pool(assigned(5, 3)), settings=ClusterSettings(on_premises_dhcp=lifted))
    merged = merge(before, [report(3, lease(9), manager=manager)], NOW)
    assert (merged.configuration, codes(merged)) == (before, ["not_in_a_cloud"])
    assert "isi_net cloud view" in merged.findings[0].action


def test_a_node_on_premises_does_not_rename_the_clouds_pool() -> None:
    before = replace(one_pool(), settings=ClusterSettings())
    merged = merge(before, [report(3, lease(5), manager="DHCP"), report(4, lease(6))], NOW)
    assert merged.configuration.pool(POOL_ID).external_manager == "AWS"
    assert (held(merged), codes(merged)) == ({"4 ext-1": 6}, ["not_in_a_cloud"])


@pytest.mark.parametrize("before", [Configuration(), one_pool(assigned(5, 3))], ids=["no pool", "a pool"])
def test_before_the_upgrade_is_committed_nothing_is_merged(before: Configuration) -> None:
    before = replace(before, settings=EARLIER)
    merged = merge(before, [report(3, lease(9)), unread(4)], NOW)
    assert merged.configuration == before
    assert codes(merged) == ["not_committed", "report_broken"]
    assert "isi_net upgrade commit" in merged.findings[0].action


# The first pool.


def made(*said: Report, before: Configuration | None = None) -> Merged:
    return merge(before or Configuration(), said, NOW)


def test_the_first_good_report_makes_groupnet_subnet_and_pool() -> None:
    merged = made(report(4, lease(6)), report(3, lease(5, dns_servers=(ip(53),) * 4)))
    (groupnet,) = merged.configuration.groupnets
    (subnet0,) = groupnet.subnets
    (pool,) = subnet0.pools
    assert (groupnet.name, groupnet.number, groupnet.dns_servers) == ("groupnet0", 1, (ip(53),) * 3)
    assert (subnet0.name, subnet0.number, subnet0.network.compressed) == ("subnet0", 1, "10.0.0.0/24")
    assert (subnet0.gateway, subnet0.mtu, subnet0.dhcp_servers) == (GATEWAY, 1500, (SERVER,))
    assert (pool.name, pool.number, pool.alloc_method) == ("pool0", 1, "externally_managed")
    assert (pool.external_manager, pool.aggregation_mode) == ("AWS", "none")
    assert (held(merged), merged.findings) == ({"3 ext-1": 5, "4 ext-1": 6}, ())


@pytest.mark.parametrize(("said", "mtu"), [(9001, 9000), (9000, 9000), (68, 576), (0, 576), (1460, 1460)])
def test_the_mtu_of_a_made_subnet_is_one_that_it_can_have(said: int, mtu: int) -> None:
    assert made(report(3, lease(5, mtu=said))).configuration.subnet(SUBNET_ID).mtu == mtu


@pytest.mark.parametrize("gateway", ["192.0.2.1", "10.0.0.0", "10.0.0.255"])
def test_a_gateway_that_the_made_subnet_cannot_have_is_left_out(gateway: str) -> None:
    merged = made(report(3, lease(5, gateway=IPv4Address(gateway))))
    assert merged.configuration.subnet(SUBNET_ID).gateway is None
    assert held(merged) == {"3 ext-1": 5}


@pytest.mark.parametrize("prefixlen", [None, 0, 1, 7, 31, 32])
def test_no_subnet_is_made_of_a_mask_that_is_none(prefixlen: int | None) -> None:
    merged = made(report(3, lease(5, prefixlen=prefixlen)))
    assert (merged.configuration, codes(merged)) == (Configuration(), ["pool_not_made"])


@pytest.mark.parametrize("prefixlen", [8, 30])
def test_a_subnet_is_made_of_any_other_mask(prefixlen: int) -> None:
    assert made(report(3, lease(5, prefixlen=prefixlen))).configuration.subnet(SUBNET_ID) is not None


def test_an_expired_lease_makes_nothing() -> None:
    merged = made(report(3, lease(5, expire=NOW)))
    assert (merged.configuration, codes(merged)) == (Configuration(), ["lease_expired"])


def test_the_first_pool_goes_into_the_subnet_that_holds_the_address() -> None:
    there = replace(subnet(), name="front", prefixlen=24)
    merged = made(report(3, lease(5, prefixlen=32, gateway=None)), before=network(there))
    assert held(merged, PoolId("groupnet0", "front", "pool0")) == {"3 ext-1": 5}
    assert merged.configuration.groupnets[0].subnets[0].next_number == 2


def test_a_pool0_of_another_kind_is_never_converted() -> None:
    before = network(subnet(Pool(1, "pool0")))
    merged = made(report(3, lease(5)), before=before)
    assert (merged.configuration, codes(merged)) == (before, ["pool_not_made"])
    assert "pool0 is static" in merged.findings[0].message


def test_a_subnet0_of_another_network_is_left_alone() -> None:
    before = network(subnet(base_addr=IPv4Address("192.0.2.0"), gateway=None))
    merged = made(report(3, lease(5)), before=before)
    assert (merged.configuration, codes(merged)) == (before, ["pool_not_made"])


def test_a_subnet_that_would_overlap_another_is_not_made() -> None:
    inside = replace(subnet(base_addr=IPv4Address("10.0.9.0"), gateway=None), name="inside")
    merged = made(report(3, lease(5, prefixlen=16)), before=network(inside))
    assert (merged.configuration, codes(merged)) == (network(inside), ["pool_not_made"])
    assert "overlaps groupnet0.inside" in merged.findings[0].message
    beside = made(report(3, lease(5, prefixlen=24)), before=network(inside))
    assert held(beside) == {"3 ext-1": 5}


def test_a_subnet_with_a_vlan_gets_no_pool() -> None:
    before = network(subnet(vlan_enabled=True, vlan_id=7))
    merged = made(report(3, lease(5)), before=before)
    assert (merged.configuration, codes(merged)) == (before, ["pool_not_made"])


def test_the_next_lease_makes_the_pool_when_the_first_is_refused() -> None:
    merged = made(report(3, lease(255)), report(4, lease(6)))
    assert (held(merged), codes(merged)) == ({"4 ext-1": 6}, ["address_not_a_host"])


# What people made.


def test_ranges_and_interfaces_made_by_hand_stay() -> None:
    by_hand = {"manual_ranges": (Range(ip(5), ip(9)),), "manual_ifaces": (Iface(7, "ext-1"),)}
    before = network(subnet(managed(**by_hand), dhcp_servers=(SERVER,)))
    merged = merge(before, [report(3, lease(5))], NOW)
    pool = merged.configuration.pool(POOL_ID)
    assert (pool.manual_ranges, pool.manual_ifaces) == tuple(by_hand.values())
    assert (held(merged), codes(merged)) == ({"3 ext-1": 5}, [])


def test_an_interface_stays_in_its_pool_of_several() -> None:
    second = replace(managed(assigned(6, 3, "ext-2")), number=2, name="pool1")
    before = network(subnet(managed(assigned(5, 3)), second, dhcp_servers=(SERVER,)))
    merged = merge(before, [report(3, lease(7), lease(8, "ext-2"))], NOW)
    assert held(merged) == {"3 ext-1": 7}
    assert held(merged, PoolId(*SUBNET_ID, "pool1")) == {"3 ext-2": 8}


def test_an_address_stays_in_its_pool_of_several() -> None:
    second = replace(managed(assigned(6, 3)), number=2, name="pool1")
    before = network(subnet(managed(), second, dhcp_servers=(SERVER,)))
    merged = merge(before, [report(4, lease(6))], NOW)
    assert (held(merged), held(merged, PoolId(*SUBNET_ID, "pool1"))) == ({}, {"4 ext-1": 6})


# Time.


def test_the_next_change_is_the_first_moment_that_matters() -> None:
    said = [report(3, lease(5), lease(6, "ext-2", expire=None), reported_at=NOW), unread(4)]
    assert next_change(said, NOW - 500) == NOW - 120
    assert next_change(said, NOW) == NOW + 901
    assert next_change(said, NOW + 901) == NOW + 3600
    assert next_change(said, NOW + 3600) == math.inf
    assert next_change([], NOW) == math.inf


SAID = report(3, lease(5))


@pytest.mark.parametrize(
    ("again", "nothing"),
    [
        (SAID, True),
        (report(3, lease(5), reported_at=NOW), True),
        (report(3, lease(5, renew=NOW + 1800, rebind=NOW + 3000, expire=NOW + 7200)), True),
        (report(3, lease(5, expire=None)), True),
        (report(3, lease(5, expire=NOW)), False),
        (report(3, lease(5), reported_at=NOW - 901), False),
        (report(3, lease(5), reported_at=NOW + 121), False),
        (report(3, lease(6)), False),
        (report(3, lease(5, mtu=9000)), False),
        (report(3, lease(5), lease(6, "ext-2")), False),
        (report(3, lease(5), node="GLaDOS-4"), False),
        (unread(3), False),
    ],
)
def test_a_report_that_is_written_again_says_nothing_new(again: Report | UnreadReport, nothing: bool) -> None:
    others = [report(2, lease(4)), unread(9)]
    assert nothing_new([SAID, *others], [again, *others], NOW) == nothing
    assert nothing_new([again, *others], [SAID, *others], NOW) == nothing
    assert not nothing_new([SAID, *others], [again], NOW)


def test_a_finding_that_lasts_keeps_its_words() -> None:
    before, said = one_pool(assigned(5, 3)), [report(3, lease(5), reported_at=NOW - 2000), report(4)]
    assert merge(before, said, NOW) == merge(before, said, NOW + 700)


def test_a_node_with_a_clock_ahead_is_told_of_once() -> None:
    def told(now: int) -> Iterable[Finding]:
        return merge(one_pool(), [report(3, lease(5), reported_at=now + 500)], now).findings

    assert told(NOW) == told(NOW + 300)


# Size.


@pytest.mark.parametrize("stray", [False, True], ids=["all in the pool", "all outside"])
def test_ten_thousand_nodes_beside_a_thousand_pools_take_no_minutes(stray: bool) -> None:
    """It takes 0.3 s; what it must not do is ask each of the pools for each of the nodes."""
    low = IPv4Address("172.16.0.0")
    others = (
        replace(
            subnet(Pool(1, "pool0", manual_ranges=(Range(low + n * 256 + 5, low + n * 256 + 9),))),
            name=f"other{n}",
            base_addr=low + n * 256,
            gateway=None,
        )
        for n in range(1000)
    )
    wide = replace(subnet(managed()), prefixlen=16, dhcp_servers=(SERVER,))
    first = IPv4Address("192.0.2.0" if stray else "10.0.1.0")
    said = [report(n, lease(5)._replace(prefixlen=16, address=first + n)) for n in range(1, 10_001)]
    Random(7).shuffle(said)
    began = process_time()
    merged = merge(network(*others, wide), said, NOW)
    assert process_time() - began < 5
    assert len(merged.configuration.nodes) == (0 if stray else 10_000)
