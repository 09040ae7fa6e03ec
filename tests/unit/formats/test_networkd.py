"""systemd-networkd's leases: recorded ones, forged lines, and the JSON of newer versions."""

import json
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from isi_net.errors import FormatError
from isi_net.formats import dhclient, networkd
from isi_net.model.lease import Lease

CORPUS = Path(__file__).parents[2] / "corpus"
FIRST = (CORPUS / "networkd/01-first-lease-dhcpd.leases-2").read_bytes()


def only(data: bytes) -> Lease:
    found = networkd.parse(data, "ext-1")
    assert found.whole
    [lease] = found.leases
    return lease


def codes(lease: Lease) -> list[str]:
    return [one.code for one in lease.problems]


def test_a_recorded_lease_is_read() -> None:
    lease = only(FIRST)
    assert (str(lease.address), lease.prefixlen, str(lease.gateway)) == ("10.20.30.11", 24, "10.20.30.1")
    assert (str(lease.server), lease.dns_servers) == ("10.20.30.1", (IPv4Address("10.20.0.2"),))
    assert (lease.host_name, lease.domain_name) == ("ip-10-20-30-11", "eu-west-1.compute.internal")


def test_its_end_is_not_known_and_a_note_says_so() -> None:
    lease = only(FIRST)
    assert (lease.renew, lease.rebind, lease.expire) == (None, None, None)
    [note] = lease.problems
    assert (note.code, note.severity) == ("expiry_unknown", "info")


def test_a_lease_for_ever_has_no_such_note() -> None:
    assert codes(only(FIRST.replace(b"LIFETIME=3600", b"LIFETIME=4294967295"))) == []


def test_options_are_those_of_dhclients_file() -> None:
    lease = only((CORPUS / "networkd/02-rfc3442-and-extras.leases-2").read_bytes())
    data = (CORPUS / "isc/08-unknown-options-and-rfc3442.leases").read_bytes()
    other = dhclient.parse(data).current(["ext-1"])
    assert other is not None
    said, expected = dict(lease.options), dict(other.options)
    del said["dhcp-client-identifier"], expected["dhcp-message-type"]
    assert said == expected
    assert lease.mtu == 9001


def test_a_root_path_forges_nothing() -> None:
    forged = b"ROOT_PATH=/x\nADDRESS=6.6.6.6\nROUTER=6.6.6.6\nMTU=1280\nCLASSLESS_ROUTES=0.0.0.0/0,6.6.6.6\n"
    without_router = FIRST.replace(b"ROUTER=10.20.30.1\n", b"")
    lease = only(without_router + forged)
    assert (str(lease.address), lease.gateway, lease.mtu) == ("10.20.30.11", None, None)
    assert dict(lease.options)["root-path"] == "/x"
    assert "6.6.6.6" not in str(lease.options)
    assert codes(lease) == ["expiry_unknown", "lines_untrusted"]


def test_a_plain_root_path_at_the_end_is_no_problem() -> None:
    assert codes(only(FIRST + b"ROOT_PATH=/x\n")) == ["expiry_unknown"]


def test_the_first_of_a_key_counts() -> None:
    assert str(only(FIRST + b"ADDRESS=6.6.6.6\n").address) == "10.20.30.11"


def test_half_an_address_is_none() -> None:
    """A line without its end may have lost some of it."""
    found = networkd.parse(b"# This is private data. Do not parse.\nADDRESS=10.20.30.1", "ext-1")
    assert (found.leases, found.whole) == ((), False)


@pytest.mark.parametrize("data", [b"", b"\n \n"])
def test_an_empty_file_is_one_that_is_being_written(data: bytes) -> None:
    assert not networkd.parse(data, "ext-1").whole


@pytest.mark.parametrize("address", [b"", b"10.20.30", b"010.20.30.11", b"::1", b"10.20.30.11/24"])
def test_what_is_no_address_makes_no_lease(address: bytes) -> None:
    found = networkd.parse(b"ADDRESS=" + address + b"\n", "ext-1")
    assert found.leases == ()
    assert [one.code for one in found.problems] == ["lease_without_address"]


@pytest.mark.parametrize(
    "data", [b"lease {\n}\n", b"\xff\xfe\0", b"[dhcp4]\n", b"{", b"{]", b'{"a":' * 20_000, b"A=1\n" * 100_000]
)
def test_what_is_no_lease_of_networkd_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        networkd.parse(data, "ext-1")


@pytest.mark.parametrize(
    ("address", "router", "dns"),
    [
        ("10.20.30.11", "10.20.30.1", ["10.20.0.2", "10.20.0.3"]),
        ([10, 20, 30, 11], [10, 20, 30, 1], [[10, 20, 0, 2], [10, 20, 0, 3]]),
    ],
)
def test_json_says_the_same(address: Any, router: Any, dns: Any) -> None:
    """Addresses are text or, as elsewhere in systemd's JSON, four numbers."""
    document = {"Address": address, "Router": router, "DNS": dns, "Server_Address": "10.20.30.1", "MTU": 9001}
    more = {"Hostname": "me\ud800", "Lifetime": 3_600_000_000, "Private_Options": [{"Address": "6.6.6.6"}]}
    lease = only(json.dumps(document | more).encode())
    assert (str(lease.address), str(lease.gateway), str(lease.server)) == (
        "10.20.30.11",
        "10.20.30.1",
        "10.20.30.1",
    )
    assert lease.dns_servers == (IPv4Address("10.20.0.2"), IPv4Address("10.20.0.3"))
    assert (lease.mtu, lease.host_name) == (9001, "me\\ud800")
    assert (lease.expire, codes(lease)) == (None, ["expiry_unknown"])
