"""What a node's NICs should have, said by example; the laws are in tests/property."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address
from typing import Any

import pytest
from model_kernel import ModelKernel, applied

from isi_net.model.applying import our_addresses, plan
from isi_net.model.finding import Finding
from isi_net.model.network import (
    EARLIER,
    AllocMethod,
    Assignment,
    ClusterSettings,
    Configuration,
    GivenAddress,
    Groupnet,
    Iface,
    Node,
    Pool,
    Range,
    StaticRoute,
    Subnet,
)
from isi_net.model.nics import Applied, AppliedAddress
from isi_net.model.steps import AddAddress, DeleteAddress, Promote, Route, Rule
from isi_net.model.wanted import Wanted, wanted

NODE = Node(7, 3, "GLaDOS-3")
NICS = {"ext-1": "ens5"}
GATEWAY = IPv4Address("10.20.30.1")
MAC = "02:00:0a:14:1e:c8"
ROUTE = StaticRoute(IPv4Address("172.16.0.0"), 16, IPv4Address("10.20.30.254"))


def leased(*hosts: int, manager: str = "DHCP", interface: str = "ext-1") -> Pool:
    """A pool in which this node's interface holds these addresses."""
    return Pool(
        1,
        "pool0",
        "externally_managed",
        manager,
        assignments=tuple(
            Assignment(IPv4Address(f"10.20.30.{host}"), 7, interface, GATEWAY) for host in hosts
        ),
    )


def subnet(*pools: Pool) -> Subnet:
    return Subnet(1, "subnet0", "ipv4", 24, IPv4Address("10.20.30.0"), GATEWAY, mtu=9000, pools=pools)


def should(revision: int, *subnets: Subnet, sbr: bool = False) -> Wanted:
    configuration = Configuration(
        revision, groupnets=(Groupnet(1, "groupnet0", subnets=subnets),), settings=ClusterSettings(sbr=sbr)
    )
    return wanted(configuration, NODE, NICS)


def commands(asked: Wanted, kernel: ModelKernel, before: Applied | None = None) -> list[str]:
    return [str(step) for step in plan(asked, kernel.present(), before or Applied()).steps]


def codes(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(one.code, one.severity) for one in findings]


def test_the_steps_read_as_ip_does_in_an_order_that_works() -> None:
    kernel = ModelKernel.with_nics("ens5", up=False)
    first = should(1, subnet(replace(leased(11), static_routes=(ROUTE,))), sbr=True)
    assert commands(first, kernel) == [
        "ip link set dev ens5 up",
        "ip link set dev ens5 mtu 9000",
        "ip address add 10.20.30.11/24 broadcast + dev ens5",
        "ip route add 10.20.30.0/24 dev ens5 scope link table 169090571 proto 97",
        "ip route add default via 10.20.30.1 dev ens5 metric 1 proto 97",
        "ip route add 172.16.0.0/16 via 10.20.30.254 dev ens5 metric 1 proto 97",
        "ip route add default via 10.20.30.1 dev ens5 table 169090571 metric 1 proto 97",
        "ip route add 172.16.0.0/16 via 10.20.30.254 dev ens5 table 169090571 metric 1 proto 97",
        "ip rule add from 10.20.30.11 lookup 169090571 priority 9700 protocol 97",
    ]
    before = applied(kernel, first)
    assert commands(should(2, subnet(leased(12)), sbr=False), kernel, before) == [
        "ip address add 10.20.30.12/24 broadcast + dev ens5",
        "ip rule delete from 10.20.30.11 lookup 169090571 priority 9700 protocol 97",
        "ip route delete 10.20.30.0/24 dev ens5 scope link table 169090571 proto 97",
        "ip route delete 172.16.0.0/16 via 10.20.30.254 dev ens5 metric 1 proto 97",
        "ip route delete default via 10.20.30.1 dev ens5 table 169090571 metric 1 proto 97",
        "ip route delete 172.16.0.0/16 via 10.20.30.254 dev ens5 table 169090571 metric 1 proto 97",
        "sysctl -w net/ipv4/conf/ens5/promote_secondaries=1",
        "ip address delete 10.20.30.11/24 dev ens5",
    ]


def test_a_nic_that_promotes_is_not_told_to() -> None:
    kernel = ModelKernel.with_nics("ens5", promotes=True)
    before = applied(kernel, should(1, subnet(leased(11))))
    steps = plan(should(2, subnet(leased(12))), kernel.present(), before).steps
    assert not any(isinstance(step, Promote) for step in steps)


def test_google_clouds_addresses_have_a_prefix_of_32_and_a_gateway_on_the_link() -> None:
    kernel = ModelKernel.with_nics("ens5")
    assert commands(should(1, subnet(leased(11, manager="GCP"))), kernel)[1:] == [
        "ip address add 10.20.30.11/32 dev ens5",
        "ip route add default via 10.20.30.1 dev ens5 metric 1 proto 97 onlink",
    ]


def test_the_lowest_gateway_priority_comes_first_and_equal_ones_in_the_order_of_subnets() -> None:
    def made(number: int, priority: int) -> Subnet:
        return Subnet(
            number,
            f"subnet{number}",
            "ipv4",
            24,
            gateway=IPv4Address(f"10.20.{number}.1"),
            gateway_priority=priority,
            pools=(
                Pool(
                    1,
                    "pool0",
                    manual_ranges=(
                        Range(IPv4Address(f"10.20.{number}.5"), IPv4Address(f"10.20.{number}.5")),
                    ),
                    manual_ifaces=(Iface(3, "ext-1"),),
                    addresses=(GivenAddress(Iface(3, "ext-1"), IPv4Address(f"10.20.{number}.5")),),
                ),
            ),
        )

    asked = should(1, made(1, 10), made(2, 1), made(3, 1), made(4, 2))
    metrics = {route.gateway: route.metric for one in asked.addresses for route in one.routes}
    assert {str(gateway): metric for gateway, metric in metrics.items()} == {
        "10.20.2.1": 1,
        "10.20.3.1": 2,
        "10.20.4.1": 3,
        "10.20.1.1": 10,
    }


def test_clouds_are_not_asked_whether_an_address_is_free() -> None:
    for manager, asked in (("AWS", False), ("Azure", False), ("GCP", False), ("OCI", False), ("DHCP", True)):
        made = plan(
            should(1, subnet(leased(11, manager=manager))),
            ModelKernel.with_nics("ens5").present(),
            Applied(),
        )
        assert bool(made.to_probe) is asked


def test_while_the_network_is_asked_its_nic_keeps_what_it_has() -> None:
    kernel = ModelKernel.with_nics("ens5")
    before = applied(kernel, should(1, subnet(leased(11))))
    new = IPv4Address("10.20.30.12")
    asked = should(2, subnet(leased(12)))
    assert plan(asked, kernel.present(), before, waiting=[new]).steps == ()
    refused = plan(asked, kernel.present(), before, refused={new: MAC})
    assert [step for step in refused.steps if isinstance(step, AddAddress | DeleteAddress)] == [
        DeleteAddress("ens5", IPv4Interface("10.20.30.11/24"))
    ]


def test_an_address_that_others_put_there_serves_with_its_own_prefix() -> None:
    kernel = ModelKernel.with_nics("ens5")
    kernel.add_address("ens5", IPv4Interface("10.20.30.11/32"))
    made = plan(should(1, subnet(leased(11))), kernel.present(), Applied())
    assert [str(step) for step in made.steps[1:]] == [
        "ip route add default via 10.20.30.1 dev ens5 metric 1 proto 97 onlink"
    ]
    assert codes(made.findings) == [("foreign_address", "info")]
    assert made.ours == frozenset()


def test_an_address_that_others_put_on_another_nic_is_not_put_there_again() -> None:
    kernel = ModelKernel.with_nics("ens5", "br0")
    kernel.add_address("br0", IPv4Interface("10.20.30.11/24"))
    made = plan(should(1, subnet(leased(11))), kernel.present(), Applied())
    assert not any(isinstance(step, AddAddress) for step in made.steps)
    assert ("foreign_address", "warning") in codes(made.findings)


@pytest.mark.parametrize("gateway", ["10.20.30.1", "10.20.30.9"])
def test_a_route_of_others_with_the_same_destination_and_metric_stands_instead_of_ours(gateway: str) -> None:
    """By the same gateway that is as good; by another one it is a warning."""
    kernel = ModelKernel.with_nics("ens5")
    kernel.add_address("ens5", IPv4Interface("10.20.30.11/24"))
    kernel.add_route(Route(IPv4Network("0.0.0.0/0"), IPv4Address(gateway), "ens5", 1))
    made = plan(should(1, subnet(leased(11))), kernel.present(), Applied())
    assert [str(step) for step in made.steps] == ["ip link set dev ens5 mtu 9000"]
    assert (("foreign_route", "warning") in codes(made.findings)) is (gateway != "10.20.30.1")


def test_an_interface_without_a_nic_keeps_its_address_where_it_is() -> None:
    """As when somebody strikes it from the settings: the revision still gives it to this node."""
    kernel = ModelKernel.with_nics("ens5")
    before = applied(kernel, should(1, subnet(leased(11))))
    lost = wanted(
        Configuration(2, groupnets=(Groupnet(1, "groupnet0", subnets=(subnet(leased(11)),)),)), NODE, {}
    )
    made = plan(lost, kernel.present(), before)
    assert made.steps == ()
    assert codes(made.findings) == [("nic_unknown", "error")]


def test_an_address_moves_to_the_nic_that_its_interface_is_now() -> None:
    kernel = ModelKernel.with_nics("ens5", "ens6")
    one = Configuration(1, groupnets=(Groupnet(1, "groupnet0", subnets=(subnet(leased(11)),)),))
    before = applied(kernel, wanted(one, NODE, {"ext-1": "ens5"}))
    applied(kernel, wanted(one, NODE, {"ext-1": "ens6"}), before)
    assert [one[:2] for one in kernel.addresses] == [("ens6", IPv4Interface("10.20.30.11/24"))]


def test_what_the_same_revision_does_not_give_any_more_is_kept() -> None:
    """It is this node's settings that changed: its LNN, say."""
    kernel = ModelKernel.with_nics("ens5")
    before = applied(kernel, should(1, subnet(leased(11))))
    other = wanted(
        Configuration(1, groupnets=(Groupnet(1, "groupnet0", subnets=(subnet(leased(11)),)),)),
        Node(8, 3, "GLaDOS-3"),
        NICS,
    )
    made = plan(other, kernel.present(), before)
    assert made.steps == ()
    assert codes(made.findings) == [("address_kept", "info")]


def test_what_is_marked_and_written_down_nowhere_is_ours_all_the_same() -> None:
    """The file went: by the mark alone an address is recognised, and goes when it is not this node's."""
    kernel = ModelKernel.with_nics("ens5")
    kernel.add_address("ens5", IPv4Interface("10.20.30.11/24"), marked=True)
    assert plan(should(1, subnet(leased(11))), kernel.present(), Applied()).ours
    gone = plan(should(1, subnet(leased(12))), kernel.present(), Applied())
    assert DeleteAddress("ens5", IPv4Interface("10.20.30.11/24")) in gone.steps


def test_what_is_written_down_and_not_marked_is_somebody_elses_where_the_kernel_keeps_marks() -> None:
    """Somebody took ours away, and put his own there."""
    kernel = ModelKernel.with_nics("ens5")
    kernel.add_address("ens5", IPv4Interface("10.20.30.11/24"))
    before = Applied(1, 0, (AppliedAddress("ens5", IPv4Interface("10.20.30.11/24"), 1, 0),))
    for marks, removed in ((True, False), (False, True)):
        kernel.marks = marks
        steps = plan(should(2, subnet()), kernel.present(), before).steps
        assert bool(steps) is removed


def test_before_the_upgrade_is_committed_nothing_is_changed() -> None:
    kernel = ModelKernel.with_nics("ens5")
    before = applied(kernel, should(1, subnet(leased(11))))
    earlier = Configuration(
        2, groupnets=(Groupnet(1, "groupnet0", subnets=(subnet(leased(12)),)),), settings=EARLIER
    )
    made = plan(wanted(earlier, NODE, NICS), kernel.present(), before)
    assert (made.steps, made.ours) == ((), None)


def test_an_older_revision_is_a_finding() -> None:
    made = plan(should(1), ModelKernel.with_nics("ens5").present(), Applied(2))
    assert codes(made.findings) == [("revision_older", "warning")]
    assert made.ours is None


def test_an_mtu_that_the_nic_cannot_have_is_a_finding_and_the_address_comes_all_the_same() -> None:
    kernel = ModelKernel.with_nics("ens5")
    kernel.links["ens5"] = replace(kernel.links["ens5"], most_mtu=1500)
    made = plan(should(1, subnet(leased(11))), kernel.present(), Applied())
    assert codes(made.findings) == [("mtu_refused", "warning")]
    assert made.steps[0] == AddAddress("ens5", IPv4Interface("10.20.30.11/24"))


@pytest.mark.parametrize(("kind", "method"), [("vlan", "static"), ("ipv6", "static"), ("dynamic", "dynamic")])
def test_pools_that_are_not_put_on_interfaces_yet_say_so(kind: str, method: AllocMethod) -> None:
    pool = Pool(1, "pool0", method, manual_ifaces=(Iface(3, "ext-1"),))
    one = Subnet(
        1,
        "subnet0",
        "ipv6" if kind == "ipv6" else "ipv4",
        24,
        vlan_enabled=kind == "vlan",
        vlan_id=5,
        pools=(pool,),
    )
    assert codes(should(1, one).findings) == [("pool_not_applied", "warning")]


def by_hand(number: int = 1, host: int = 11, lnn: int = 3, **changes: Any) -> Pool:
    """A static pool of one address, which the interface of one node has."""
    address, iface = IPv4Address(f"10.20.30.{host}"), Iface(lnn, "ext-1")
    return replace(
        Pool(
            number,
            f"pool{number}",
            manual_ranges=(Range(address, address),),
            manual_ifaces=(iface,),
            addresses=(GivenAddress(iface, address),),
        ),
        **changes,
    )


NOT_APPLIED_ANY_MORE = {
    "a static pool in a subnet that gets a VLAN": (
        subnet(by_hand()),
        replace(subnet(by_hand()), vlan_enabled=True, vlan_id=5),
    ),
    "leases in a subnet that gets a VLAN": (
        subnet(leased(11)),
        replace(subnet(leased(11)), vlan_enabled=True, vlan_id=5),
    ),
    "leases in a subnet that is said to be IPv6": (
        subnet(leased(11)),
        replace(subnet(leased(11)), addr_family="ipv6"),
    ),
    "a pool that becomes dynamic": (
        subnet(by_hand()),
        subnet(by_hand(alloc_method="dynamic", addresses=())),
    ),
    "leases of a pool that becomes dynamic, and has no range": (
        subnet(replace(leased(11), manual_ifaces=(Iface(3, "ext-1"),))),
        subnet(Pool(1, "pool0", "dynamic", manual_ifaces=(Iface(3, "ext-1"),))),
    ),
}


@pytest.mark.parametrize(("was", "becomes"), NOT_APPLIED_ANY_MORE.values(), ids=NOT_APPLIED_ANY_MORE)
@pytest.mark.parametrize("sbr", [False, True])
def test_a_pool_that_is_not_applied_any_more_leaves_everything_as_it_is(
    was: Subnet, becomes: Subnet, sbr: bool
) -> None:
    """Else a command that enables VLANs would cut the node off."""
    kernel = ModelKernel.with_nics("ens5")
    before = applied(kernel, should(5, was, sbr=sbr))
    made = plan(should(6, becomes, sbr=sbr), kernel.present(), before)
    assert made.steps == ()
    assert made.ours == {("ens5", IPv4Interface("10.20.30.11/24"))}
    assert codes(made.findings) == [("pool_not_applied", "warning")]
    assert commands(should(7, replace(was, pools=())), kernel, before)[-1] == (
        "ip address delete 10.20.30.11/24 dev ens5"
    )


@pytest.mark.parametrize("changes", [{"aggregation_mode": "lacp"}, {"nfsv3_rroce_only": True}])
def test_an_externally_managed_pool_that_is_unfit_keeps_what_it_last_had(changes: dict[str, Any]) -> None:
    kernel = ModelKernel.with_nics("ens5")
    before = applied(kernel, should(5, subnet(leased(11))))
    assert commands(should(6, subnet(replace(leased(11), **changes))), kernel, before) == []


def test_beside_a_dynamic_pool_an_address_of_another_pool_still_goes() -> None:
    """It is that pool's to give, and may be another node's by now."""
    dynamic = Pool(2, "pool2", "dynamic", manual_ifaces=(Iface(3, "ext-2"),))
    kernel = ModelKernel.with_nics("ens5")
    before = applied(kernel, should(5, subnet(by_hand(), dynamic)))
    assert commands(should(6, subnet(by_hand(lnn=4), dynamic)), kernel, before)[-1] == (
        "ip address delete 10.20.30.11/24 dev ens5"
    )


def test_beside_an_address_that_is_kept_another_goes_with_its_routes() -> None:
    """Somebody else may have it by now."""
    vlan = Subnet(
        2,
        "subnet1",
        "ipv4",
        24,
        IPv4Address("10.20.31.0"),
        IPv4Address("10.20.31.1"),
        pools=(
            replace(
                leased(), assignments=(Assignment(IPv4Address("10.20.31.9"), 7, "ext-1", None),), number=9
            ),
        ),
    )
    kernel = ModelKernel.with_nics("ens5")
    before = applied(kernel, should(5, subnet(leased(11)), vlan, sbr=True))
    after = should(6, subnet(), replace(vlan, vlan_enabled=True, vlan_id=5), sbr=True)
    assert commands(after, kernel, before) == [
        "ip rule delete from 10.20.30.11 lookup 169090571 priority 9700 protocol 97",
        "ip route delete 10.20.30.0/24 dev ens5 scope link table 169090571 proto 97",
        "ip route delete default via 10.20.30.1 dev ens5 metric 1 proto 97",
        "ip route delete default via 10.20.30.1 dev ens5 table 169090571 metric 1 proto 97",
        "ip address delete 10.20.30.11/24 dev ens5",
    ]


def test_a_dynamic_pool_that_this_node_leaves_keeps_nothing_here() -> None:
    kernel = ModelKernel.with_nics("ens5")
    before = applied(kernel, should(5, subnet(by_hand())))
    left = by_hand(alloc_method="dynamic", addresses=(), manual_ifaces=(Iface(4, "ext-1"),))
    assert commands(should(6, subnet(left)), kernel, before)[-1] == (
        "ip address delete 10.20.30.11/24 dev ens5"
    )


def test_pools_without_this_node_say_nothing() -> None:
    other = Pool(1, "pool0", "dynamic", manual_ifaces=(Iface(4, "ext-1"),))
    assert should(1, subnet(other)) == Wanted(1, nics=frozenset({"ens5"}), lnn=3)


def test_a_static_route_that_cannot_be_one_spoils_nothing_else() -> None:
    """A configuration of before it was refused may have it."""
    bad = StaticRoute(IPv4Address("10.2.0.5"), 16, GATEWAY)
    six = StaticRoute(IPv6Address("2001:db8::"), 32, IPv6Address("2001:db8::1"))
    for sbr in (False, True):
        asked = should(1, subnet(replace(leased(11, 12), static_routes=(bad, ROUTE, six))), sbr=sbr)
        good = should(1, subnet(replace(leased(11, 12), static_routes=(ROUTE,))), sbr=sbr)
        assert asked.addresses == good.addresses
        assert codes(asked.findings) == [("route_not_applied", "warning")] * 2
        assert "10.2.0.5 is not the address of a /16" in asked.findings[0].message


def test_a_rules_table_is_its_address_as_a_number() -> None:
    assert Rule(IPv4Address("10.20.30.11")).table == 10 << 24 | 20 << 16 | 30 << 8 | 11


@pytest.mark.parametrize("is_there", [False, True])
def test_an_address_that_somebody_else_uses_is_one_finding_and_no_step(is_there: bool) -> None:
    """Also when somebody put it there all the same: that it serves would be another story."""
    kernel = ModelKernel.with_nics("ens5")
    if is_there:
        kernel.add_address("ens5", IPv4Interface("10.20.30.11/24"))
    made = plan(
        should(1, subnet(leased(11))), kernel.present(), Applied(), refused={IPv4Address("10.20.30.11"): MAC}
    )
    assert not any(isinstance(step, AddAddress) for step in made.steps)
    assert codes(made.findings) == [("address_duplicate", "error")]
    assert MAC in made.findings[0].message
    assert ("is not put there" in made.findings[0].message) is not is_there


def test_an_older_revision_names_the_file_to_remove() -> None:
    path = "/r/var/run/isi_net/flexnet"
    made = plan(should(1), ModelKernel.with_nics("ens5").present(), Applied(2), state_file=path)
    assert path in made.findings[0].action


@pytest.mark.parametrize("marks", [True, False])
def test_whose_an_address_is_depends_on_no_revision(marks: bool) -> None:
    kernel = ModelKernel.with_nics("ens5", marks=marks)
    before = applied(kernel, should(2, subnet(leased(11))))
    kernel.add_address("ens5", IPv4Interface("192.0.2.1/32"))
    for revision in (0, 1, 2, 3):
        ours = our_addresses(should(revision), kernel.present(), before)
        assert ours == {("ens5", IPv4Interface("10.20.30.11/24"))}


def given_by_hand(revision: int, lnn: int, *nodes: Node, to: int = 3) -> Wanted:
    """What node 7 should have when it is node `lnn`, of a pool that gives ext-1 of node `to` an address."""
    iface = Iface(to, "ext-1")
    address = IPv4Address("10.20.30.50")
    made = Pool(
        1,
        "pool0",
        manual_ranges=(Range(address, address),),
        manual_ifaces=(iface,),
        addresses=(GivenAddress(iface, address),),
    )
    groupnets = (Groupnet(1, "groupnet0", subnets=(subnet(made),)),)
    return wanted(Configuration(revision, nodes=nodes, groupnets=groupnets), Node(7, lnn, "GLaDOS"), NICS)


@pytest.mark.parametrize("revision", [1, 2])
def test_an_address_by_hand_outlives_another_lnn_of_the_same_node(revision: int) -> None:
    """Also at the next revision, in which the merger has the new number: the pool still names the old one."""
    kernel = ModelKernel.with_nics("ens5")
    before = applied(kernel, given_by_hand(1, 3))
    made = plan(given_by_hand(revision, 9, Node(7, 9, "GLaDOS")), kernel.present(), before)
    assert made.steps == ()
    [finding] = made.findings
    assert (finding.code, finding.severity) == ("address_kept", "warning")
    assert "LNN is 9 now, and was 3" in finding.message
    assert "--remove-ifaces 3:ext-1 --add-ifaces 9:ext-1" in finding.action


def test_an_address_by_hand_goes_when_the_pool_or_another_node_says_so() -> None:
    kernel = ModelKernel.with_nics("ens5")
    before = applied(kernel, given_by_hand(1, 3))
    for asked in (
        given_by_hand(2, 9, Node(7, 9, "GLaDOS"), to=4),
        given_by_hand(2, 9, Node(7, 9, "GLaDOS"), Node(8, 3, "Wheatley")),
    ):
        steps = plan(asked, kernel.present(), before).steps
        assert DeleteAddress("ens5", IPv4Interface("10.20.30.50/24")) in steps


def test_an_interface_without_an_address_is_told_what_gives_it_one() -> None:
    """Its lease expired, say: the pool's ranges may well have free ones."""
    pool = replace(leased(), manual_ifaces=(Iface(3, "ext-1"),))
    [finding] = should(1, subnet(pool)).findings
    assert finding.code == "address_none"
    assert finding.action.startswith("it gets a free one when the pool's ranges or interfaces change; ")
