"""What a configuration tells of itself."""

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st
from strategies import ranges

from isi_net.model.network import Assignment, Pool, Range

CLOSE = st.integers(0, 31).map(IPv4Address) | st.integers(0, 31).map(IPv6Address)


@given(st.lists(ranges(CLOSE), max_size=6), st.lists(st.integers(0, 31).map(IPv4Address), max_size=12))
def test_a_leased_address_is_a_range_of_its_own_unless_one_made_by_hand_holds_it(
    manual: list[Range], leased: list[IPv4Address]
) -> None:
    assignments = tuple(Assignment(address, devid, "ext-1", None) for devid, address in enumerate(leased, 1))
    alone = [one for one in leased if not any(made.holds(one) for made in manual)]
    expected = sorted([*(Range(one, one) for one in alone), *manual], key=Range.order)
    assert Pool(1, "pool0", manual_ranges=tuple(manual), assignments=assignments).ranges == tuple(expected)
