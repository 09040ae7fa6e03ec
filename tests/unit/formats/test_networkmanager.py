"""NetworkManager's two files: recorded ones, escapes, ends, and what is none."""

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from isi_net.errors import FormatError
from isi_net.formats import networkmanager
from isi_net.model.lease import Lease

CORPUS = Path(__file__).parents[2] / "corpus/networkmanager"
[DEVICE] = CORPUS.glob("*devices-2")
[INTERNAL] = CORPUS.glob("*internal-1111*")
EXPIRY = 1795345366


def only(data: bytes) -> Lease:
    found = networkmanager.parse(data, "ext-1")
    assert found.whole
    assert found.problems == ()
    [lease] = found.leases
    return lease


def with_line(line: bytes) -> Lease:
    return only(b"[device]\nmanaged=true\n\n[dhcp4]\ndhcp4.ip_address=10.20.30.11\n" + line + b"\n")


def test_a_recorded_device_has_its_lease_with_its_end() -> None:
    lease = only(DEVICE.read_bytes())
    assert (str(lease.address), lease.prefixlen, str(lease.gateway)) == ("10.20.30.11", 24, "10.20.30.1")
    assert (str(lease.server), lease.dns_servers) == ("10.20.30.1", (IPv4Address("10.20.0.2"),))
    assert (lease.host_name, lease.mtu) == ("ip-10-20-30-11", 9001)
    assert (lease.renew, lease.rebind, lease.expire) == (EXPIRY - 1800, EXPIRY - 450, EXPIRY)
    assert lease.problems == ()
    assert {"ip-address", "expiry"}.isdisjoint(dict(lease.options))


def test_the_internal_file_has_an_address_and_no_end() -> None:
    lease = only(INTERNAL.read_bytes())
    assert (str(lease.address), lease.expire, lease.options) == ("10.20.30.11", None, ())
    [note] = lease.problems
    assert (note.code, note.severity) == ("expiry_unknown", "info")
    assert "NetworkManager" in note.message


@pytest.mark.parametrize(
    ("line", "renew", "expire", "codes"),
    [
        (b"dhcp4.expiry=5000", 5000, 5000, []),
        (b"dhcp4.expiry=5000\ndhcp4.dhcp_lease_time=4000", 3000, 5000, []),
        (b"dhcp4.expiry=4294967295", None, None, []),
        (b"dhcp4.expiry=never", None, None, ["expiry_unknown"]),
        (b"dhcp4.expiry=-1", None, None, ["expiry_unknown"]),
        (b"", None, None, ["expiry_unknown"]),
    ],
)
def test_ends(line: bytes, renew: int | None, expire: int | None, codes: list[str]) -> None:
    lease = with_line(line)
    assert (lease.renew, lease.expire, [one.code for one in lease.problems]) == (renew, expire, codes)


@pytest.mark.parametrize(
    ("line", "name", "text"),
    [
        (rb"dhcp4.root_path=\sa\\012b\\\\c\n", "root-path", " a\nb\\c\n"),
        (rb"dhcp4.host_name=caf\\303\\251", "host-name", "café"),
        (b"dhcp4.routers=10.20.30.1 10.20.30.2", "routers", "10.20.30.1,10.20.30.2"),
        (b"dhcp4.domain_search=a.example b.example", "domain-search", "a.example., b.example."),
        (b"dhcp4.private_224=x", "unknown-224", "x"),
        (
            b"dhcp4.rfc3442_classless_static_routes=0.0.0.0/0 10.20.30.1 10.9.0.0/16 10.20.30.2",
            "rfc3442-classless-static-routes",
            "0,10,20,30,1,16,10,9,10,20,30,2",
        ),
    ],
)
def test_options_are_written_as_dhclient_writes_them(line: bytes, name: str, text: str) -> None:
    assert dict(with_line(line).options)[name] == text


def test_classless_routes_give_the_gateway() -> None:
    lease = with_line(b"dhcp4.rfc3442_classless_static_routes=0.0.0.0/0 10.20.30.1")
    assert lease.gateway == IPv4Address("10.20.30.1")


def test_only_the_group_of_the_lease_counts_and_in_it_the_first_of_a_key() -> None:
    lease = only(
        b"[device]\ndhcp4.ip_address=6.6.6.6\n[dhcp4]\ndhcp4.ip_address=10.20.30.11\n"
        b"dhcp4.ip_address=6.6.6.6\n[dhcp6]\ndhcp4.routers=6.6.6.6\n"
    )
    assert (str(lease.address), lease.gateway) == ("10.20.30.11", None)


def test_a_device_without_a_lease_has_none() -> None:
    found = networkmanager.parse(b"[device]\nmanaged=false\n", "ext-1")
    assert (found.leases, found.problems, found.whole) == ((), (), True)


def test_a_lease_without_an_address_is_none() -> None:
    found = networkmanager.parse(b"[dhcp4]\ndhcp4.ip_address=ten\n", "ext-1")
    assert [one.code for one in found.problems] == ["lease_without_address"]


def test_an_empty_file_is_one_that_is_being_written() -> None:
    assert not networkmanager.parse(b"", "ext-1").whole


@pytest.mark.parametrize("data", [b"\x02\x01", b"lease {\n", b"[unclosed\n", b"[a]\n" + b"b=1\n" * 100_000])
def test_what_is_none_of_its_files_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        networkmanager.parse(data, "ext-1")
