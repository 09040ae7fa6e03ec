"""Laws of the dhclient reader: any bytes are read or refused, and what ISC's writer writes is read back."""

import re
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from isi_net.errors import FormatError
from isi_net.formats.dhclient import parse
from isi_net.model.lease import Lease

CORPUS = [
    path.read_bytes()
    for kind in ("isc", "freebsd")
    for path in sorted((Path(__file__).parents[1] / "corpus" / kind).iterdir())
]
PIECES = [
    b'"',
    b"\\",
    b"{",
    b"}",
    b";",
    b"#",
    b"\n",
    b"lease {",
    b"lease6 {",
    b"option ",
    b"expire ",
    b"never",
    b"\0",
]
PIECES += [
    b"fixed-address 1.2.3.4;",
    b'interface "ext-1";',
    b"option routers ",
    b"option unknown-121 ",
    b",",
    b"0:",
]
PIECES += [b"epoch ", b"9" * 400, b"0 2026/11/22 12:00:00", b"\\777", b"\\x", b"\xff"]

addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
times = st.none() | st.integers(0, 253402300799)
# Interfaces are named by the administrator, the rest by whoever answered first.
interfaces = st.from_regex(r"[a-z][a-z0-9-]{1,14}", fullmatch=True)
strings = st.binary(max_size=60) | st.sampled_from(
    [b'"; } lease { interface "ext-1"; fixed-address 6.6.6.6; }', b"\\", b'\\"', b"#\n}", b"\0012", b"\\0"]
)


@st.composite
def leases(draw: st.DrawFn) -> tuple[Lease, dict[str, bytes]]:
    """A lease without its options, and the text options that shall stand in the file."""
    texts = draw(st.dictionaries(st.sampled_from(["root-path", "merit-dump", "unknown-224"]), strings))
    expire = draw(times)
    lease = Lease(
        interface=draw(interfaces),
        address=draw(addresses),
        prefixlen=draw(st.none() | st.integers(1, 32)),
        gateway=draw(st.none() | addresses),
        server=draw(st.none() | addresses),
        dns_servers=tuple(draw(st.lists(addresses, max_size=3))),
        domain_name=draw(st.none() | st.text(min_size=1, max_size=20)),
        host_name=draw(st.none() | st.text(min_size=1, max_size=20)),
        mtu=draw(st.none() | st.integers(68, 65535)),
        renew=draw(times),
        rebind=draw(times),
        expire=expire,
    )
    return lease, texts


def escaped(text: bytes) -> str:
    """ISC's pretty_escape: octal for what is not printable, a backslash before what a shell would take."""
    return "".join(
        f"\\{byte:03o}" if not 32 <= byte < 127 else ("\\" if chr(byte) in "\"'$`\\|&" else "") + chr(byte)
        for byte in text
    )


def rendered(lease: Lease, texts: dict[str, bytes]) -> str:
    options: dict[str, object] = {}
    if lease.prefixlen:
        options["subnet-mask"] = IPv4Address((0xFFFFFFFF << (32 - lease.prefixlen)) & 0xFFFFFFFF)
    if lease.dns_servers:
        options["domain-name-servers"] = ",".join(map(str, lease.dns_servers))
    options |= {"routers": lease.gateway, "dhcp-server-identifier": lease.server, "interface-mtu": lease.mtu}
    quoted = {name: text.encode() for name in ("domain_name", "host_name") if (text := getattr(lease, name))}
    for name, text in (quoted | texts).items():
        options[name.replace("_", "-")] = f'"{escaped(text)}"'
    said = [f'interface "{lease.interface}"', f"fixed-address {lease.address}"]
    said += [f"option {name} {value}" for name, value in options.items() if value is not None]
    for name in ("renew", "rebind", "expire"):
        at = getattr(lease, name)
        date = datetime.fromtimestamp(at or 0, UTC)
        # strftime does not pad years alike on all systems.
        said.append(
            f"{name} {date:%w} {date.year}/{date:%m/%d %H:%M:%S}" if at is not None else f"{name} never"
        )
    return "lease {\n" + "".join(f"  {statement};\n" for statement in said) + "}\n"


def without_options(lease: Lease) -> Lease:
    names = {name: getattr(lease, name) for name in Lease._fields if name != "options"}
    return Lease(**names)


def is_read_or_refused(data: bytes) -> None:
    try:
        found = parse(data, "ext-1")
    except FormatError:
        return
    quick = parse(data, "ext-1", only=("ext-1",))
    assert quick.current(["ext-1"]) == found.current(["ext-1"])
    assert quick.whole == found.whole
    for lease in found.leases:
        assert lease.state(0) in ("bound", "renewing", "rebinding", "expired")
        assert all(finding.place.startswith("line ") for finding in lease.problems)
    assert str(found)


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    is_read_or_refused(data)


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=4)).map(b"".join))
def test_any_heap_of_pieces_is_read_or_refused(data: bytes) -> None:
    is_read_or_refused(data)
    is_read_or_refused(b"lease {" + data + b"}")


@given(
    st.sampled_from(CORPUS),
    st.lists(
        st.tuples(st.integers(0, 4096), st.integers(0, 20), st.sampled_from(PIECES) | st.binary(max_size=3))
    ),
    st.sampled_from(CORPUS),
    st.integers(0, 4096),
)
def test_mutated_files_are_read_or_refused(
    data: bytes, changes: list[tuple[int, int, bytes]], other: bytes, cut: int
) -> None:
    for at, length, piece in changes:
        data = data[:at] + piece + data[at + length :]
    for mutant in (data, data[:cut], data[cut:], data[:cut] + other, other[:cut] + data[cut:]):
        is_read_or_refused(mutant)


@given(st.sampled_from(CORPUS), st.integers(0, 4096))
def test_a_file_that_is_still_being_written_shows_only_leases_that_it_will_have(
    data: bytes, cut: int
) -> None:
    written, full = parse(data[:cut]).leases, parse(data).leases
    assert written == full[: len(written)]


@given(st.lists(leases(), max_size=5))
def test_what_isc_writes_is_read_back(written: list[tuple[Lease, dict[str, bytes]]]) -> None:
    data = "".join(rendered(lease, texts) for lease, texts in written).encode()
    found = parse(data)
    assert found.problems == ()
    assert [without_options(lease) for lease in found.leases] == [lease for lease, _ in written]
    for lease, (_, texts) in zip(found.leases, written, strict=True):
        options = dict(lease.options)
        assert {name: options[name] for name in texts} == {
            name: text.decode("utf-8", "backslashreplace") for name, text in texts.items()
        }


@given(leases(), st.sampled_from([b"\n", b"\t", b"\r\n", b"\f\v ", b" # } ;\n"]))
def test_white_space_and_comments_between_words_do_not_matter(
    written: tuple[Lease, dict[str, bytes]], space: bytes
) -> None:
    lease, _ = written
    data = rendered(lease, {}).encode()
    parts = re.split(rb'("(?:[^"\\]|\\.)*")', data)
    spaced = b"".join(part if part.startswith(b'"') else part.replace(b" ", space) for part in parts)
    assert without_options(parse(spaced).leases[0]) == lease
