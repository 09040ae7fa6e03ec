"""What changed, in lines for people."""

from dataclasses import replace
from ipaddress import IPv4Address

from isi_net.model.changes import changes, in_short
from isi_net.model.network import (
    EARLIER,
    Assignment,
    ClusterSettings,
    Configuration,
    Groupnet,
    Node,
    Pool,
    Range,
    Subnet,
)


def ip(last: int) -> IPv4Address:
    return IPv4Address(f"10.0.0.{last}")


POOL = Pool(
    1,
    "pool0",
    "externally_managed",
    external_manager="AWS",
    assignments=(Assignment(ip(5), 3, "ext-1", ip(1)), Assignment(ip(6), 4, "ext-1", None)),
)
SUBNET = Subnet(1, "subnet0", "ipv4", 24, base_addr=ip(0), pools=(POOL,), next_number=2)
NODES = (Node(3, 3, "GLaDOS-3"), Node(4, 4, "GLaDOS-4"))


def network(*subnets: Subnet, nodes: tuple[Node, ...] = NODES) -> Configuration:
    return Configuration(nodes=nodes, groupnets=(Groupnet(1, "groupnet0", subnets=subnets, next_number=9),))


def lines(subnet: Subnet) -> list[str]:
    return list(changes(network(SUBNET), network(subnet)))


def pool_lines(pool: Pool) -> list[str]:
    return lines(replace(SUBNET, pools=(pool,)))


def test_nothing_changed_is_no_line() -> None:
    assert lines(SUBNET) == []
    assert list(changes(network(SUBNET), replace(network(SUBNET), revision=9, term=2, author="x"))) == []


def test_what_is_made_is_told_from_the_outside_in() -> None:
    assert list(changes(Configuration(), network(SUBNET))) == [
        "groupnet0: made",
        "groupnet0.subnet0: made with addr_family ipv4, prefixlen 24, base_addr 10.0.0.0",
        "groupnet0.subnet0.pool0: made with alloc_method externally_managed, external_manager AWS",
        "groupnet0.subnet0.pool0: 10.0.0.5 leased to node 3 ext-1 by 10.0.0.1",
        "groupnet0.subnet0.pool0: 10.0.0.6 leased to node 4 ext-1 by a nameless server",
    ]


def test_what_is_deleted_is_told_in_order() -> None:
    subnets = [replace(SUBNET, number=n, name=f"subnet{n}") for n in range(40, 0, -1)]
    told = list(changes(network(*subnets), Configuration()))
    assert told[:3] == [
        "groupnet0: deleted",
        "groupnet0.subnet1: deleted",
        "groupnet0.subnet1.pool0: deleted",
    ]
    assert told[-1] == "groupnet0.subnet40.pool0: deleted"
    assert told[1::2] == [f"groupnet0.subnet{n}: deleted" for n in range(1, 41)]


def test_settings_are_told_as_people_write_them() -> None:
    changed = replace(SUBNET, gateway=ip(1), vlan_enabled=True, dhcp_servers=(ip(1), ip(2)))
    assert lines(changed) == [
        "groupnet0.subnet0: gateway - is now 10.0.0.1",
        "groupnet0.subnet0: vlan_enabled no is now yes",
        "groupnet0.subnet0: dhcp_servers - is now 10.0.0.1,10.0.0.2",
    ]
    assert pool_lines(replace(POOL, manual_ranges=(Range(ip(7), ip(9)),), description="x")) == [
        "groupnet0.subnet0.pool0: description - is now x",
        "groupnet0.subnet0.pool0: ranges - is now 10.0.0.7-10.0.0.9",
    ]


def test_a_renamed_part_is_the_same_part() -> None:
    assert lines(replace(SUBNET, name="front")) == ["groupnet0.front: name subnet0 is now front"]


def test_addresses_come_move_and_go() -> None:
    five, six = POOL.assignments
    here = "groupnet0.subnet0.pool0"
    assert pool_lines(replace(POOL, assignments=(five,))) == [f"{here}: 10.0.0.6 taken from node 4 ext-1"]
    moved = six._replace(devid=9, interface="ext-2")
    assert pool_lines(replace(POOL, assignments=(five, moved))) == [
        f"{here}: 10.0.0.6 moved from node 4 ext-1 to node 9 ext-2"
    ]
    renewed = five._replace(server=ip(2))
    assert pool_lines(replace(POOL, assignments=(renewed, six))) == [
        f"{here}: 10.0.0.5 leased to node 3 ext-1 by 10.0.0.2"
    ]


def test_a_node_that_calls_itself_otherwise_is_told() -> None:
    renamed = (NODES[0], Node(4, 7, "GLaDOS-7"))
    assert list(changes(network(SUBNET), network(SUBNET, nodes=renamed))) == [
        "node 4: LNN 4 GLaDOS-4 is now LNN 7 GLaDOS-7"
    ]


def test_settings_are_told_by_their_names() -> None:
    after = replace(network(SUBNET), settings=ClusterSettings(on_premises_dhcp=True))
    assert list(changes(network(SUBNET), after)) == ["settings: on_premises_dhcp no is now yes"]
    before = replace(network(SUBNET), settings=EARLIER)
    assert list(changes(before, network(SUBNET))) == ["settings: release - is now 9.7.0.0"]


def test_the_first_changes_are_told_in_so_many_characters() -> None:
    before = Configuration()
    after = replace(before, groupnets=tuple(Groupnet(number, f"g{number}") for number in range(1, 100)))
    whole = "; ".join(changes(before, after))
    assert in_short(before, after, 10_000) == whole
    assert in_short(before, after, 10) == whole[:10] == "g1: made; "
    assert in_short(before, before, 10) == ""
