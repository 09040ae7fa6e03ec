"""Laws of the readers of other clients' leases: any bytes are read or refused, whoever is asked."""

from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from isi_net.dhcp.sources import TABLE, recognised
from isi_net.errors import FormatError
from isi_net.formats import dhcpcd
from isi_net.model.lease import LeaseFile

CORPUS = [
    path.read_bytes()
    for kind in ("dhcpcd", "networkd", "networkmanager")
    for path in sorted((Path(__file__).parents[1] / "corpus" / kind).iterdir())
]
PACKET = next(data for data in CORPUS if dhcpcd.recognises(data))
PIECES = [
    b"ADDRESS=",
    b"10.20.30.11",
    b"ROOT_PATH=",
    b"CLASSLESS_ROUTES=0.0.0.0/0,",
    b"OPTION_61=",
    b"\n",
    b"=",
]
PIECES += [
    b"[dhcp4]\n",
    b"dhcp4.ip_address=",
    b"dhcp4.expiry=",
    b"\\",
    b"\\377",
    b"9" * 400,
    b"[",
    b"]",
    b"{",
    b"}",
]
PIECES += [
    b'"Address":',
    b'"\\ud800"',
    b",",
    b":",
    b"version: 2\n",
    b"ip: ",
    b"lease {",
    b"\xff",
    b"\0",
    b"/33",
]

EDITS = st.lists(
    st.tuples(st.integers(0, 700), st.integers(0, 20), st.sampled_from(PIECES) | st.binary(max_size=3))
)


def is_sound(found: LeaseFile) -> None:
    for lease in found.leases:
        assert lease.state(0) in ("bound", "renewing", "rebinding", "expired")
        names = [name for name, _ in lease.options]
        assert len(names) == len(set(names))
        assert str(lease).encode()  # no lone surrogates: it has to go into a report
    assert str(found)


def is_read_or_refused(data: bytes) -> None:
    for source in TABLE:
        try:
            is_sound(source.parse(data, "ext-1", 1_795_340_000))
        except FormatError as error:
            assert str(error)
    with suppress(FormatError):
        is_sound(recognised(data, "ext-1", 0))


@given(st.binary() | st.binary().map(lambda data: PACKET[:240] + data))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    is_read_or_refused(data)


@given(
    st.sampled_from([b"", b"[dhcp4]\n", b"{", b"ADDRESS="]), st.lists(st.sampled_from(PIECES)).map(b"".join)
)
def test_any_heap_of_pieces_is_read_or_refused(begin: bytes, data: bytes) -> None:
    is_read_or_refused(begin + data)


@given(st.sampled_from(CORPUS), EDITS, st.integers(0, 700))
def test_mutated_files_are_read_or_refused(
    data: bytes, edits: list[tuple[int, int, bytes]], cut: int
) -> None:
    for at, length, piece in edits:
        data = data[:at] + piece + data[at + length :]
    for mutant in (data, data[:cut], data[cut:]):
        is_read_or_refused(mutant)


@given(st.lists(st.tuples(st.integers(1, 254), st.binary(max_size=255)), max_size=12))
def test_no_option_moves_the_address_of_a_packet(options: list[tuple[int, bytes]]) -> None:
    """Whatever a server says in them, the lease is of `yiaddr`, and there is one at most."""
    coded = b"".join(bytes((code, len(value))) + value for code, value in options)
    try:
        found = dhcpcd.parse(PACKET[:240] + coded + b"\xff", "ext-1", 0)
    except FormatError:
        return
    assert [lease.address for lease in found.leases] == [IPv4Address("10.20.30.11")]


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=9)).map(b"\nADDRESS=6.6.6.6\n".join))
def test_no_root_path_changes_a_lease_of_networkd(value: bytes) -> None:
    first = next(data for data in CORPUS if b"T1=1800" in data)
    [source] = [one for one in TABLE if one.name == "networkd"]
    [honest] = source.parse(first, "ext-1", 0).leases
    [lease] = source.parse(first + b"ROOT_PATH=" + value + b"\nCLIENTID=00\n", "ext-1", 0).leases
    for name in ("address", "prefixlen", "gateway", "server", "dns_servers", "host_name", "mtu", "expire"):
        assert getattr(lease, name) == getattr(honest, name)


@given(st.sampled_from(CORPUS), st.integers(0, 700))
def test_who_wrote_a_file_is_told_by_its_beginning(data: bytes, cut: int) -> None:
    """What comes from the network cannot pass one client's file off as another's."""
    whose = next(one.name for one in TABLE if one.recognises(data))
    longer = data + data[:cut] + b"\nlease {\n"
    assert next(one.name for one in TABLE if one.recognises(longer)) == whose
