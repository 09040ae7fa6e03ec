"""A node's report: its shape on disk, its bounds, and errors that name the field."""

import json
from ipaddress import IPv4Address

import pytest

from isi_net.errors import FormatError, NewerSchema
from isi_net.formats.node_report import MAX, MAX_PROBLEMS, parse, render
from isi_net.model.finding import Finding
from isi_net.model.lease import Lease
from isi_net.model.report import Report

LEASE = Lease(
    interface="ext-1",
    address=IPv4Address("10.20.30.14"),
    prefixlen=24,
    gateway=IPv4Address("10.20.30.1"),
    server=IPv4Address("10.20.30.1"),
    dns_servers=(IPv4Address("10.20.0.2"),),
    domain_name="example.com",
    mtu=9001,
    renew=1770481580,
    expire=None,
)
PROBLEM = Finding("node 4 ext-2", "lease_cut_short", "warning", "its lease ends in a block", "wait a minute")
REPORT = Report(4, 4, "GLaDOS-4", "AWS", "isc", "1.0.0", 1770481580, (LEASE,), (PROBLEM,))
GOLDEN = b"""\
{
  "schema": 1,
  "devid": 4,
  "lnn": 4,
  "node": "GLaDOS-4",
  "manager": "AWS",
  "source": "isc",
  "version": "1.0.0",
  "reported_at": "2026-02-07T16:26:20Z",
  "addresses": [
    {
      "interface": "ext-1",
      "address": "10.20.30.14",
      "prefixlen": 24,
      "gateway": "10.20.30.1",
      "server": "10.20.30.1",
      "dns_servers": [
        "10.20.0.2"
      ],
      "domain_name": "example.com",
      "host_name": null,
      "mtu": 9001,
      "renew": "2026-02-07T16:26:20Z",
      "rebind": null,
      "expire": null
    }
  ],
  "problems": [
    {
      "severity": "warning",
      "code": "lease_cut_short",
      "place": "node 4 ext-2",
      "message": "its lease ends in a block",
      "action": "wait a minute"
    }
  ]
}
"""


def test_the_file_looks_as_promised() -> None:
    assert render(REPORT) == GOLDEN
    assert parse(GOLDEN) == REPORT


def test_unknown_fields_are_passed_over() -> None:
    assert parse(GOLDEN.replace(b'"schema": 1,', b'"schema": 1, "colour": {"red": []},')) == REPORT


def test_raw_options_and_a_lease_s_own_problems_stay_at_home() -> None:
    telling = Lease("ext-1", IPv4Address("10.0.0.1"), options=(("wpad", "secret"),), problems=(PROBLEM,))
    data = render(Report(4, 4, "n", "AWS", "isc", "1", 0, (telling,)))
    assert b"secret" not in data
    assert parse(data).addresses == (Lease("ext-1", IPv4Address("10.0.0.1")),)


def test_a_newer_schema_is_named_before_anything_else_is_looked_at() -> None:
    with pytest.raises(
        NewerSchema, match=r"schema 2 is newer than this program's 1, node\.4; upgrade isi_net on"
    ):
        parse(b'{"schema": 2, "devid": "GLaDOS"}', "node.4")


WRONG = {
    "devid as text": (b'"devid": 4', b'"devid": "4"', r"Expected `int`, got `str` - at `\$.devid`"),
    "devid 0": (b'"devid": 4', b'"devid": 0', r"at `\$.devid`"),
    "devid 2^31": (b'"devid": 4', b'"devid": 2147483648', r"at `\$.devid`"),
    "LNN 65536": (b'"lnn": 4', b'"lnn": 65536', r"at `\$.lnn`"),
    "a missing field": (b'"lnn": 4,', b"", "missing required field `lnn`"),
    "a node's name of 256": (b"GLaDOS-4", b"x" * 256, r"at `\$.node`"),
    "a leading zero": (b"10.20.30.14", b"10.20.30.014", r"at `\$.addresses\[0\].address`"),
    "an IPv6 address": (b"10.20.30.14", b"2001:db8::1", r"at `\$.addresses\[0\].address`"),
    "an address as number": (b'"10.20.30.14"', b"168", r"Expected `IPv4Address`, got `int` - at"),
    "a prefix length of 33": (b'"prefixlen": 24', b'"prefixlen": 33', r"at `\$.addresses\[0\].prefixlen`"),
    "a time without zone": (b"16:26:20Z", b"16:26:20", r"at `\$.reported_at`"),
    "an interface that is a path": (b'"ext-1"', b'"../ext-1"', "addresses: '../ext-1' is not an interface"),
    "an unknown severity": (b'"warning"', b'"panic"', r"at `\$.problems\[0\].severity`"),
    "schema 0": (b'"schema": 1', b'"schema": 0', r"at `\$.schema`"),
    "no schema": (b'"schema": 1,', b"", "missing required field `schema`"),
    "true for a number": (b'"devid": 4', b'"devid": true', r"at `\$.devid`"),
}


@pytest.mark.parametrize(("old", "new", "words"), WRONG.values(), ids=WRONG)
def test_what_can_not_be_read_is_named_with_its_field(old: bytes, new: bytes, words: str) -> None:
    assert old in GOLDEN
    with pytest.raises(FormatError, match=words):
        parse(GOLDEN.replace(old, new), "node.4")


def test_malformed_json_is_named_with_its_line() -> None:
    with pytest.raises(FormatError, match=r"node\.4 line 4") as caught:
        parse(GOLDEN.replace(b'"lnn": 4', b'"lnn": four'), "node.4")
    assert caught.value.line == 4


HOSTILE = {
    "nothing": b"",
    "half a file": GOLDEN[: len(GOLDEN) // 2],
    "another shape": b"[]",
    "deep nesting": b"[" * 1_000_000,
    "deep nesting in a field nobody knows": b'{"schema": 1, "x": ' + b"[" * 1_000_000,
    "not UTF-8": GOLDEN.replace(b"GLaDOS", b"GL\xffDOS"),
    "half a surrogate pair": GOLDEN.replace(b"GLaDOS", b"\\ud800"),
    "a number of 5,000 digits": GOLDEN.replace(b'"devid": 4', b'"devid": ' + b"4" * 5000),
    "10 MB": GOLDEN.replace(b"GLaDOS", b"x" * 10_000_000),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse(data, "node.4")


def test_the_worst_lease_files_can_say_still_makes_a_readable_report() -> None:
    worst = Finding("\x01" * 9000, "\x01" * 9000, "error", "\x01" * 9000, "\ud800" * 9000)
    lease = Lease("ext-1", IPv4Address("10.0.0.1"), domain_name="\ud800" * 9000, host_name="\x01" * 9000)
    data = render(Report(1, 1, "\ud800", "AWS", "isc", "1", 10**15, (lease,) * 9, (worst,) * 9000))
    assert len(data) <= MAX
    read = parse(data)
    assert len(read.problems) == MAX_PROBLEMS
    assert read.node == "\ufffd"
    assert read.reported_at == 253402300799  # the end of 9999


def test_the_format_is_plain_json() -> None:
    assert json.loads(GOLDEN)["addresses"][0]["address"] == "10.20.30.14"
