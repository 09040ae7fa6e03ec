"""A node's inventory: its shape on disk, its bounds, and errors that name the field."""

from ipaddress import IPv4Interface, IPv6Interface

import pytest

from isi_net.errors import FormatError, NewerSchema
from isi_net.formats.inventory import MAX, MAX_ADDRESSES, MAX_INTERFACES, parse, render
from isi_net.model.interface import Interface, Inventory

EXT_1 = Interface(
    name="ext-1",
    nic_name="ens5",
    status="up",
    type="10gige",
    mac="02:fc:00:00:00:01",
    mtu=9001,
    speed=10000,
    flags=("up", "running"),
    addresses=(IPv4Interface("10.20.30.14/24"), IPv6Interface("fe80::fc:ff:fe00:1/64")),
)
INVENTORY = Inventory(4, 4, "GLaDOS-4", (EXT_1, Interface("ext-2", "ens6")))
GOLDEN = b"""\
{
  "schema": 1,
  "devid": 4,
  "lnn": 4,
  "node": "GLaDOS-4",
  "interfaces": [
    {
      "name": "ext-1",
      "nic_name": "ens5",
      "status": "up",
      "type": "10gige",
      "mac": "02:fc:00:00:00:01",
      "mtu": 9001,
      "speed": 10000,
      "flags": [
        "up",
        "running"
      ],
      "addresses": [
        "10.20.30.14/24",
        "fe80::fc:ff:fe00:1/64"
      ]
    },
    {
      "name": "ext-2",
      "nic_name": "ens6",
      "status": "unknown",
      "type": "unknown",
      "mac": null,
      "mtu": null,
      "speed": null,
      "flags": [],
      "addresses": []
    }
  ]
}
"""


def test_the_file_looks_as_promised() -> None:
    assert render(INVENTORY) == GOLDEN
    assert parse(GOLDEN) == INVENTORY


def test_unknown_fields_are_passed_over() -> None:
    assert parse(GOLDEN.replace(b'"nic_name"', b'"driver": {"ena": []}, "nic_name"')) == INVENTORY


def test_a_newer_schema_is_named_before_anything_else_is_looked_at() -> None:
    with pytest.raises(NewerSchema, match=r"schema 2 is newer than this program's 1, node\.4"):
        parse(b'{"schema": 2, "devid": "GLaDOS"}', "node.4")


WRONG = {
    "devid as text": (b'"devid": 4', b'"devid": "4"', r"Expected `int`, got `str` - at `\$.devid`"),
    "a missing field": (b'"lnn": 4,', b"", "missing required field `lnn`"),
    "a node's name of 256": (b"GLaDOS-4", b"x" * 256, r"at `\$.node`"),
    "an interface that is a path": (b'"ext-1"', b'"../ext-1"', "interfaces: '../ext-1' is not an interface"),
    "a NIC that is an option": (b'"ens5"', b'"--all"', "interfaces: '--all' is not an interface"),
    "an unknown status": (b'"up",\n      "type"', b'"odd", "type"', r"at `\$.interfaces\[0\].status`"),
    "no type": (b'"10gige"', b'""', r"at `\$.interfaces\[0\].type`"),
    "a long type": (b'"10gige"', b'"' + b"x" * 33 + b'"', r"at `\$.interfaces\[0\].type`"),
    "a long MAC": (b"02:fc", b"0" * 60, r"at `\$.interfaces\[0\].mac`"),
    "a negative MTU": (b"9001", b"-1", r"at `\$.interfaces\[0\].mtu`"),
    "a speed that the API has no room for": (b"10000", b"4294967296", r"at `\$.interfaces\[0\].speed`"),
    "a long flag": (b'"running"', b'"' + b"x" * 33 + b'"', r"at `\$.interfaces\[0\].flags"),
    "an address without prefix": (b"10.20.30.14/24", b"10.20.30.14", r"at `\$.interfaces\[0\].addresses"),
    "a prefix length of 33": (b"14/24", b"14/33", "interfaces: '10.20.30.14/33' is not an address"),
    "an address with a zone": (b"fc:ff:fe00:1/64", b"1%x\\u001b/64", r"at `\$.interfaces\[0\].addresses"),
    "an address with a line end": (b"14/24", b"14/24\\n", r"at `\$.interfaces\[0\].addresses"),
    "schema 0": (b'"schema": 1', b'"schema": 0', r"at `\$.schema`"),
}


@pytest.mark.parametrize(("old", "new", "words"), WRONG.values(), ids=WRONG)
def test_what_can_not_be_read_is_named_with_its_field(old: bytes, new: bytes, words: str) -> None:
    assert old in GOLDEN
    with pytest.raises(FormatError, match=words):
        parse(GOLDEN.replace(old, new), "node.4")


def test_a_host_with_interfaces_by_the_thousand_still_makes_a_readable_inventory() -> None:
    longest = IPv6Interface("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128")
    worst = Interface(
        "x" * 32,
        "x" * 32,
        type="\x01" * 99,
        mac="\ud800" * 99,
        mtu=2**32 - 1,
        speed=2**32 - 1,
        flags=("\x01" * 99,) * 99,
        addresses=(longest,) * 999,
    )
    data = render(Inventory(2**31 - 1, 65535, "\x01" * 999, (worst,) * 999))
    assert len(data) <= MAX
    read = parse(data)
    assert [len(one.addresses) for one in read.interfaces] == [MAX_ADDRESSES] * MAX_INTERFACES
    assert {one.mac for one in read.interfaces} == {"\ufffd" * 64}
