"""pool_members files: their shape on disk, and what is refused."""

from ipaddress import IPv4Address, IPv6Address

import pytest

from isi_net.errors import FormatError, NewerSchema
from isi_net.formats.pool_members import ManualMember, Member, PoolMembers, parse, render
from isi_net.model.names import PoolId
from isi_net.model.network import Assignment, GivenAddress, Iface, Node, Pool, Range

POOL_ID = PoolId("groupnet0", "subnet0", "pool0")
HAND_MADE = Range(IPv4Address("10.20.30.50"), IPv4Address("10.20.30.59"))
POOL = Pool(
    1,
    "pool0",
    "externally_managed",
    manual_ranges=(HAND_MADE,),
    manual_ifaces=(Iface(2, "ext-2"),),
    addresses=(GivenAddress(Iface(2, "ext-2"), IPv4Address("10.20.30.50")),),
    assignments=(
        Assignment(IPv4Address("10.20.30.100"), 7, "ext-1", None),
        Assignment(IPv4Address("10.20.30.20"), 1, "ext-1", IPv4Address("10.20.30.1")),
    ),
)
GOLDEN = b"""\
{
  "schema": 1,
  "revision": 12,
  "pool": "groupnet0.subnet0.pool0",
  "members": [
    {
      "address": "10.20.30.20",
      "devid": 1,
      "lnn": 2,
      "node": "GLaDOS-2",
      "interface": "ext-1",
      "server": "10.20.30.1",
      "origin": "leased"
    },
    {
      "address": "10.20.30.100",
      "devid": 7,
      "lnn": null,
      "node": null,
      "interface": "ext-1",
      "server": null,
      "origin": "leased"
    }
  ],
  "manual_ranges": [
    {
      "low": "10.20.30.50",
      "high": "10.20.30.59",
      "origin": "manual"
    }
  ],
  "manual_members": [
    {
      "address": "10.20.30.50",
      "lnn": 2,
      "interface": "ext-2",
      "origin": "manual"
    }
  ]
}
"""


def test_the_file_looks_as_promised_and_members_stand_by_address() -> None:
    assert render(12, POOL_ID, POOL, [Node(1, 2, "GLaDOS-2")]) == GOLDEN


def test_it_is_read_back() -> None:
    assert parse(GOLDEN) == PoolMembers(
        revision=12,
        pool=POOL_ID,
        members=(
            Member(IPv4Address("10.20.30.20"), 1, 2, "GLaDOS-2", "ext-1", IPv4Address("10.20.30.1")),
            Member(IPv4Address("10.20.30.100"), 7, None, None, "ext-1", None),
        ),
        manual_ranges=(HAND_MADE,),
        manual_members=(ManualMember("10.20.30.50", 2, "ext-2"),),
    )


def test_hand_made_ranges_may_be_ipv6() -> None:
    made = Range(IPv6Address("2001:db8::1"), IPv6Address("2001:db8::9"))
    assert parse(render(1, POOL_ID, Pool(1, "pool0", manual_ranges=(made,)), ())).manual_ranges == (made,)


def test_a_newer_schema_is_named() -> None:
    with pytest.raises(NewerSchema, match="schema 9 is newer than this program's 1"):
        parse(b'{"schema": 9}')


WRONG = {
    "a short address": (b'"10.20.30.20"', b'"10.20.20"', r"at `\$.members\[0\].address`"),
    "an origin that members do not have": (b'"leased"', b'"manual"', r"at `\$.members\[0\].origin`"),
    "a negative revision": (b"12", b"-12", r"at `\$.revision`"),
    "no pool": (b'"pool": "groupnet0.subnet0.pool0",', b"", "missing required field `pool`"),
    "a pool that is a path": (b"groupnet0.subnet0.pool0", b"../../etc/passwd", "is not"),
    "a range upside down": (b"10.20.30.59", b"10.20.30.49", "manual_ranges: 10.20.30.50-10.20.30.49"),
    "a range of names": (b"10.20.30.59", b"localhost", "manual_ranges: 'localhost'"),
}


@pytest.mark.parametrize(("old", "new", "words"), WRONG.values(), ids=WRONG)
def test_what_can_not_be_read_is_named_with_its_field(old: bytes, new: bytes, words: str) -> None:
    assert old in GOLDEN
    with pytest.raises(FormatError, match=words):
        parse(GOLDEN.replace(old, new), "groupnet.1.subnet.1.pool.1")
