"""What the demo's cloud writes is what a real dhclient writes."""

import re
from ipaddress import IPv4Address
from pathlib import Path

from isi_net.demo.cloud import INTERFACE, block, lease
from isi_net.formats import dhclient
from isi_net.store.tree import Tree

CORPUS = Path(__file__).parents[2] / "corpus" / "isc" / "01-first-lease-dhcpd.leases"
NOON = 1770465600.0  # Saturday 2026-02-07 12:00:00 UTC


def without_times(text: str) -> str:
    """The text with the dates of renew, rebind and expire left out."""
    return re.sub(r"\d \d{4}/\d\d/\d\d \d\d:\d\d:\d\d;", ";", text)


def test_a_block_differs_from_a_real_one_in_its_times_only() -> None:
    """The corpus holds what ISC dhclient 4.4.3 wrote of such a lease."""
    written = block("ext-1", IPv4Address("10.20.30.11"), NOON)
    assert without_times(written) == without_times(CORPUS.read_text())


def test_times_are_an_hour_and_its_parts_and_begin_with_the_weekday() -> None:
    written = block("ext-1", IPv4Address("10.20.30.11"), NOON)
    assert "renew 6 2026/02/07 12:30:00;" in written
    assert "rebind 6 2026/02/07 12:52:30;" in written
    assert "expire 6 2026/02/07 13:00:00;" in written


def test_a_renewal_is_appended_in_place_and_counts(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    Path(tree.leases).mkdir(parents=True)
    path = Path(tree.lease(INTERFACE))

    assert lease(tree, 4, NOON) == IPv4Address("10.20.30.14")
    inode = path.stat().st_ino
    lease(tree, 4, NOON + 1800)

    assert path.stat().st_ino == inode
    file = dhclient.parse(path.read_bytes())
    assert file.whole
    assert not file.problems
    assert [one.expire for one in file.leases] == [NOON + 3600, NOON + 5400]
    current = file.current([INTERFACE])
    assert current is not None
    assert (str(current.address), current.prefixlen, str(current.gateway)) == (
        "10.20.30.14",
        24,
        "10.20.30.1",
    )
    assert current.mtu == 9001
    assert not current.problems
