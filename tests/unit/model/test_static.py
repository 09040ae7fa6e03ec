"""Which address an interface in a pool by hand has."""

from dataclasses import replace
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from isi_net.model.check import check
from isi_net.model.network import (
    EARLIER,
    AllocMethod,
    Assignment,
    Configuration,
    GivenAddress,
    Groupnet,
    Iface,
    Node,
    Pool,
    Range,
    Subnet,
)
from isi_net.model.static import with_addresses, without_address

ifaces = st.lists(st.builds(Iface, st.integers(1, 6), st.sampled_from(("ext-1", "ext-2"))), unique=True)
spans = st.lists(st.tuples(st.integers(2, 12), st.integers(0, 4)), max_size=2).map(
    lambda drawn: tuple(range_of(low, low + more) for low, more in drawn)
)


def address(host: int) -> IPv4Address:
    return IPv4Address(f"10.20.30.{host}")


def range_of(low: int, high: int) -> Range:
    return Range(address(low), address(high))


def pool(*hosts: Iface, low: int = 50, high: int = 59, method: AllocMethod = "static") -> Pool:
    return Pool(1, "pool0", method, manual_ranges=(range_of(low, high),), manual_ifaces=hosts)


def of(*pools: Pool) -> Configuration:
    subnet = Subnet(1, "subnet0", "ipv4", 24, address(0), address(1), pools=pools, next_number=9)
    groupnet = Groupnet(1, "groupnet0", subnets=(subnet,), next_number=9)
    return Configuration(1, nodes=(Node(7, 1, "one"),), groupnets=(groupnet,), next_number=9)


def given_in(configuration: Configuration) -> dict[str, str]:
    return {str(one.iface): str(one.address) for _, pool in configuration.pools() for one in pool.addresses}


ONE, TWO, THREE = (Iface(lnn, "ext-1") for lnn in (1, 2, 3))


def test_each_gets_the_lowest_free_one_in_the_order_of_nodes() -> None:
    made = with_addresses(of(pool(TWO, ONE)), of())
    assert given_in(made) == {"2:ext-1": "10.20.30.51", "1:ext-1": "10.20.30.50"}
    assert check(made) == ()


def test_an_interfaces_address_stays_when_others_come_and_go() -> None:
    first = with_addresses(of(pool(TWO, THREE)), of())
    more = with_addresses(of(pool(ONE, TWO, THREE)), first)
    less = with_addresses(of(pool(ONE, THREE)), more)
    assert given_in(more) == {
        "1:ext-1": "10.20.30.52",
        "2:ext-1": "10.20.30.50",
        "3:ext-1": "10.20.30.51",
    }
    assert given_in(less) == {"1:ext-1": "10.20.30.52", "3:ext-1": "10.20.30.51"}


def test_one_that_is_in_no_range_any_more_is_given_up() -> None:
    first = with_addresses(of(pool(ONE, TWO)), of())
    assert given_in(with_addresses(of(pool(ONE, TWO, low=51)), first)) == {
        "1:ext-1": "10.20.30.52",
        "2:ext-1": "10.20.30.51",
    }


def test_an_import_that_names_no_addresses_moves_none() -> None:
    first = with_addresses(of(pool(THREE)), of())
    now = with_addresses(of(pool(ONE, THREE)), first)
    assert given_in(with_addresses(of(pool(ONE, THREE)), now)) == given_in(now)


def test_two_that_come_with_the_same_are_refused_and_not_put_right() -> None:
    both = tuple(GivenAddress(iface, address(50)) for iface in (ONE, TWO))
    made = with_addresses(of(replace(pool(ONE, TWO), addresses=both)), of())
    [finding] = check(made)
    assert (finding.code, finding.place) == ("address_twice", "groupnet0.subnet0.pool0")
    assert "2:ext-1 has 10.20.30.50, which is given to 1:ext-1" in finding.message


def test_one_outside_of_the_ranges_is_refused() -> None:
    strange = replace(pool(ONE), addresses=(GivenAddress(ONE, address(90)),))
    assert [one.code for one in check(of(strange))] == ["range"]


def test_a_leased_address_and_the_gateway_are_nobodys_to_be_given() -> None:
    """And who has a leased address needs none by hand."""
    managed = replace(
        pool(ONE, TWO, low=1, high=9, method="externally_managed"),
        assignments=(Assignment(address(2), 7, "ext-1", None),),
    )
    assert given_in(with_addresses(of(managed), of())) == {"2:ext-1": "10.20.30.3"}


def test_an_address_that_another_subnet_has_given_is_not_given_again() -> None:
    """A range may lie outside of its pool's subnet, or the subnets overlap: `check` has said so."""
    twice = of(pool(ONE))
    other = replace(twice.groupnets[0].subnets[0], number=2, name="subnet1", pools=(pool(TWO),))
    subnets = (*twice.groupnets[0].subnets, other)
    made = with_addresses(replace(twice, groupnets=(replace(twice.groupnets[0], subnets=subnets),)), of())
    assert given_in(made) == {"1:ext-1": "10.20.30.50", "2:ext-1": "10.20.30.51"}


def test_a_dynamic_pool_and_a_cluster_before_its_upgrade_have_none() -> None:
    assert given_in(with_addresses(of(pool(ONE, method="dynamic")), of())) == {}
    earlier = replace(of(pool(ONE)), settings=EARLIER)
    assert given_in(with_addresses(earlier, of())) == {}


def test_who_was_left_without_one_gets_one_by_a_change_of_its_pool_only() -> None:
    """The commit of the upgrade leaves some without, and somebody's change elsewhere gives them none."""
    left = of(pool(ONE, TWO))
    groupnet = left.groupnets[0]
    elsewhere = left.with_groupnet(replace(groupnet, description="another"))
    beside = of(replace(pool(ONE, TWO), description="another"), replace(pool(low=60, high=69), number=2))
    for unrelated in (elsewhere, beside):
        assert given_in(with_addresses(unrelated, left)) == {}
    for touched in (pool(ONE, TWO, THREE), pool(ONE, TWO, high=60)):
        assert given_in(with_addresses(of(touched), left)).keys() >= {"1:ext-1", "2:ext-1"}
    dynamic = of(pool(ONE, TWO, method="dynamic"))
    assert len(given_in(with_addresses(left, dynamic))) == 2
    earlier = replace(left, settings=EARLIER)
    assert len(given_in(with_addresses(left, earlier))) == 2


def test_who_had_one_and_loses_it_gets_another_though_its_pool_is_as_it_was() -> None:
    """An import gives the first the address of the second, and names none for that."""
    first = with_addresses(of(pool(ONE, TWO)), of())
    swapped = replace(pool(ONE, TWO), addresses=(GivenAddress(ONE, address(51)),))
    assert given_in(with_addresses(of(swapped), first)) == {
        "1:ext-1": "10.20.30.51",
        "2:ext-1": "10.20.30.50",
    }


def test_who_gets_none_is_a_finding() -> None:
    made = with_addresses(of(pool(ONE, TWO, high=50)), of())
    [finding] = without_address(made)
    assert (finding.code, finding.severity) == ("address_none", "warning")
    assert finding.message.startswith("2:ext-1 has no address")


@given(st.lists(st.tuples(ifaces, spans), min_size=1, max_size=4))
def test_addresses_are_different_and_move_only_when_they_must(
    story: list[tuple[list[Iface], tuple[Range, ...]]],
) -> None:
    before = of()
    for hosts, ranges in story:
        after = with_addresses(of(replace(pool(*hosts), manual_ranges=ranges)), before)
        had, has = given_in(before), given_in(after)
        assert len(set(has.values())) == len(has)
        assert has.keys() <= {str(one) for one in hosts}
        for iface, held in had.items():
            if iface in has and any(one.holds(IPv4Address(held)) for one in ranges):
                assert has[iface] == held
        assert with_addresses(after, after) == after
        free = {int(one.low) + n for one in ranges for n in range(int(one.high) - int(one.low) + 1)}
        free -= {int(address(1)), *(int(IPv4Address(one)) for one in has.values())}
        assert len(has) == len(hosts) or not free
        before = after
