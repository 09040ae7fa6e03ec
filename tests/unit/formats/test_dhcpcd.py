"""dhcpcd's raw packets: recorded ones say what dhclient's files of the same servers say; the rest is made."""

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from isi_net.errors import FormatError
from isi_net.formats import dhclient, dhcpcd
from isi_net.model.lease import Lease, LeaseFile

CORPUS = Path(__file__).parents[2] / "corpus"
THEN = 1_795_340_000
MAGIC = b"\x63\x82\x53\x63"
ACK = (53, b"\x05")
HOUR = (51, (3600).to_bytes(4, "big"))


def coded(*options: tuple[int, bytes]) -> bytes:
    return b"".join(bytes((code, len(value))) + value for code, value in options)


def packet(*options: tuple[int, bytes], sname: bytes = b"", file: bytes = b"", end: bytes = b"\xff") -> bytes:
    header = b"\2\1\6\0" + bytes(12) + bytes((10, 20, 30, 11)) + bytes(24)
    return header + sname.ljust(64, b"\0") + file.ljust(128, b"\0") + MAGIC + coded(*options) + end


def only(found: LeaseFile) -> Lease:
    assert found.whole
    assert found.problems == ()
    [lease] = found.leases
    return lease


def parsed(*options: tuple[int, bytes]) -> Lease:
    return only(dhcpcd.parse(packet(*options), "ext-1", THEN))


@pytest.mark.parametrize(
    ("recorded", "of_dhclient", "beyond"),
    [
        ("01-first-lease-dhcpd.ext-1.lease", "01-first-lease-dhcpd.leases", {}),
        # Its server put options into both fields of the header for dhclient only.
        ("03-hostile-strings.ext-1.lease", "07-hostile-strings.leases", {"dhcp-option-overload": "3"}),
    ],
)
def test_a_recorded_packet_says_what_dhclients_file_says(
    recorded: str, of_dhclient: str, beyond: dict[str, str]
) -> None:
    lease = only(dhcpcd.parse((CORPUS / "dhcpcd" / recorded).read_bytes(), "ext-1", THEN))
    other = dhclient.parse((CORPUS / "isc" / of_dhclient).read_bytes()).current(["ext-1"])
    assert other is not None
    assert dict(lease.options) | beyond == dict(other.options)
    for name in ("interface", "address", "prefixlen", "gateway", "server", "dns_servers", "mtu"):
        assert getattr(lease, name) == getattr(other, name), name
    assert (lease.host_name, lease.domain_name) == (other.host_name, other.domain_name)


def test_times_count_from_when_the_file_was_written() -> None:
    lease = parsed(ACK, HOUR)
    assert (lease.renew, lease.rebind, lease.expire) == (THEN + 1800, THEN + 3150, THEN + 3600)


def test_the_server_may_say_when_to_renew_but_not_beyond_the_end() -> None:
    first, second = (58, (600).to_bytes(4, "big")), (59, (900).to_bytes(4, "big"))
    lease = parsed(ACK, HOUR, first, second)
    assert (lease.renew, lease.rebind) == (THEN + 600, THEN + 900)
    late = parsed(ACK, HOUR, (58, b"\x7f\0\0\0"), (59, b"\x7f\0\0\0"))
    assert (late.renew, late.rebind) == (THEN + 1800, THEN + 3150)


@pytest.mark.parametrize(
    ("said", "codes"),
    [
        ((51, b"\xff" * 4), []),
        ((1, b"\xff" * 4), ["lease_without_expiry"]),
        ((51, b"\0"), ["lease_without_expiry"]),
    ],
)
def test_a_lease_that_dhcpcd_keeps_for_ever_never_expires(said: tuple[int, bytes], codes: list[str]) -> None:
    lease = parsed(ACK, said)
    assert lease.expire is None
    assert [one.code for one in lease.problems] == codes


def test_options_go_on_in_the_fields_that_option_52_names() -> None:
    """The file's field first, then the server name's; the pieces make one option (RFC 3396)."""
    data = packet(
        ACK,
        HOUR,
        (52, b"\x03"),
        (15, b"one."),
        file=coded((15, b"two.")) + b"\xff",
        sname=coded((15, b"three"), (12, b"me")) + b"\xff",
    )
    lease = only(dhcpcd.parse(data, "ext-1", THEN))
    assert (lease.domain_name, lease.host_name) == ("one.two.three", "me")


def test_fields_that_option_52_does_not_name_are_no_options() -> None:
    data = packet(ACK, HOUR, file=coded((12, b"forged")) + b"\xff")
    assert only(dhcpcd.parse(data, "ext-1", THEN)).host_name is None


def test_classless_routes_give_the_gateway_when_there_is_no_router() -> None:
    routes = (121, bytes((24, 192, 168, 7, 10, 20, 30, 9, 0, 10, 20, 30, 1)))
    assert parsed(ACK, HOUR, routes).gateway == IPv4Address("10.20.30.1")
    assert parsed(ACK, HOUR, routes, (3, bytes((10, 20, 30, 2)))).gateway == IPv4Address("10.20.30.2")


@pytest.mark.parametrize(
    ("option", "name", "text"),
    [
        ((2, b"\xff\xff\xf1\xf0"), "time-offset", "-3600"),
        ((6, b"\n\x14\0"), "domain-name-servers", "<error>"),
        ((12, b"a\0b\0"), "host-name", "a\0b"),
        ((19, b"\1"), "ip-forwarding", "true"),
        ((26, b"#"), "interface-mtu", "<error>"),
        ((43, b"\0\0"), "vendor-encapsulated-options", "0:0"),
        ((33, bytes((10, 0, 0, 0, 10, 20, 30, 1))), "static-routes", "10.0.0.0 10.20.30.1"),
        ((119, b"\1a\7example\0\1b\xc0\2"), "domain-search", "a.example., b.example."),
        ((119, b"\1a\xc0\0"), "domain-search", "<error>"),  # it points at itself
        ((119, b""), "domain-search", ""),
        ((224, b"../../etc/passwd\0"), "unknown-224", "../../etc/passwd"),
        ((225, b""), "unknown-225", ""),
        ((245, b"\xa8?\x81\x10"), "unknown-245", "a8:3f:81:10"),
    ],
)
def test_options_are_written_as_dhclient_writes_them(option: tuple[int, bytes], name: str, text: str) -> None:
    assert dict(parsed(ACK, HOUR, option).options)[name] == text


def test_an_option_that_cannot_be_used_is_said_and_not_used() -> None:
    lease = parsed(ACK, HOUR, (1, b"\xff\0\xff\0"), (26, b"\0\1"))
    assert (lease.prefixlen, lease.mtu) == (None, None)
    assert [one.place for one in lease.problems] == ["option subnet-mask", "option interface-mtu"]


def test_hostile_strings_make_no_lease() -> None:
    found = dhcpcd.parse((CORPUS / "dhcpcd/03-hostile-strings.ext-1.lease").read_bytes(), "ext-1", THEN)
    assert [str(one.address) for one in found.leases] == ["10.20.30.11"]


def test_a_packet_that_is_still_being_written_has_no_lease_yet() -> None:
    data = packet(ACK, HOUR, (12, b"me"))
    for length in range(len(data)):
        found = dhcpcd.parse(data[:length], "ext-1", THEN)
        assert (found.leases, found.whole) == ((), False), length


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"lease {\n", id="text"),
        pytest.param(b"\1" + packet(ACK, HOUR)[1:], id="a request"),
        pytest.param(packet((53, b"\x02"), HOUR), id="an offer"),
        pytest.param(packet().replace(MAGIC, b"abcd"), id="no cookie"),
        pytest.param(packet(end=b"\0" * 20000), id="huge"),
    ],
)
def test_what_is_no_lease_of_dhcpcd_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        dhcpcd.parse(data, "ext-1", THEN)


def test_a_domain_that_points_through_the_whole_option_costs_nothing() -> None:
    """However the pointers stand, a name has 255 bytes and a list 64 names at most."""
    pointers = b"".join((0xC000 | at).to_bytes(2, "big") for at in range(0, 8000, 2))
    pieces = [(119, pointers[at : at + 250]) for at in range(0, len(pointers), 250)]
    assert dict(parsed(ACK, HOUR, *pieces).options)["domain-search"] == "<error>"
