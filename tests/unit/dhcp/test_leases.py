"""This node's leases, out of the files that its DHCP clients write in place."""

import os
import threading
import time
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from isi_net.demo.cloud import block
from isi_net.dhcp.leases import InterfaceLease, NodeLeases, of_file
from isi_net.errors import Unreadable
from isi_net.store.tree import Tree

NOON = 1770465600.0


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(str(tmp_path / "root"))
    os.makedirs(tree.leases)
    return tree


def write(tree: Tree, interface: str, *hosts: int, inside: str = "") -> Path:
    """A lease file with a block a host; the blocks say that they are of the interface `inside`."""
    path = Path(tree.lease(interface))
    path.write_text(text(inside or interface, *hosts))
    return path


def text(interface: str, *hosts: int) -> str:
    return "".join(block(interface, IPv4Address(f"10.20.30.{host}"), NOON + host) for host in hosts)


def address(found: InterfaceLease) -> str:
    return str(found.lease.address) if found.lease else ""


def codes(found: InterfaceLease) -> list[str]:
    return [one.code for one in found.problems]


def test_an_interface_is_configured_or_has_a_lease_file(tree: Tree) -> None:
    write(tree, "ext-2", 12)
    for name in (
        "dhclient.leases.",
        "dhclient.leases.a b",
        "dhclient.leases",
        "other",
        ".dhclient.leases.ext-9",
    ):
        Path(tree.leases, name).touch()
    assert NodeLeases(tree, {"ext-1": "ens5"}).interfaces() == ["ext-1", "ext-2"]


def test_a_node_without_the_directory_has_its_configured_interfaces(tmp_path: Path) -> None:
    [found] = NodeLeases(Tree(str(tmp_path)), {"ext-1": "ens5"}).read()
    assert (found.interface, found.lease, codes(found)) == ("ext-1", None, ["lease_file_missing"])


def test_a_directory_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    Path(tree.leases).parent.mkdir(parents=True)
    Path(tree.leases).touch()
    with pytest.raises(Unreadable):
        NodeLeases(tree, {}).read()


def test_the_last_block_is_the_lease(tree: Tree) -> None:
    write(tree, "ext-1", 11, 77)
    [found] = NodeLeases(tree, {}).read()
    assert (address(found), codes(found)) == ("10.20.30.77", [])


@pytest.mark.parametrize("inside", ["ext-1", "ens5"])
def test_a_client_may_name_the_interface_or_its_nic(tree: Tree, inside: str) -> None:
    write(tree, "ext-1", 11, inside=inside)
    [found] = NodeLeases(tree, {"ext-1": "ens5"}).read()
    assert address(found) == "10.20.30.11"


def test_the_lease_of_another_interface_is_not_ours(tree: Tree) -> None:
    write(tree, "ext-1", 11, inside="ext-7")
    [found] = NodeLeases(tree, {}).read()
    assert found.lease is None
    assert codes(found) == ["lease_none"]
    assert "only of ext-7" in found.problems[0].message


def test_one_bad_file_does_not_spoil_the_other(tree: Tree) -> None:
    os.mkfifo(tree.lease("ext-1"))
    os.mkdir(tree.lease("ext-2"))
    write(tree, "ext-3", 13)
    Path(tree.lease("ext-4")).write_bytes(b"\xff\x00 lease {{{ ")
    first, second, third, fourth = NodeLeases(tree, {}).read()
    assert codes(first) == codes(second) == ["lease_file_unreadable"]
    assert address(third) == "10.20.30.13"
    assert fourth.lease is None
    assert fourth.problems


def test_a_link_does_not_lead_out_of_the_root(tree: Tree, tmp_path: Path) -> None:
    """Nor into a root whose name only begins as ours does."""
    (tmp_path / "root2").mkdir()
    for outside in (tmp_path / "secret", tmp_path / "root2/secret"):
        outside.write_text(text("ext-1", 11))
        link = Path(tree.lease("ext-1"))
        link.unlink(missing_ok=True)
        link.symlink_to(outside)
        [found] = NodeLeases(tree, {}).read()
        assert (found.lease, codes(found)) == (None, ["lease_file_unreadable"])


def test_a_link_inside_the_root_is_followed(tree: Tree) -> None:
    inside = Path(tree.root, "elsewhere")
    inside.write_text(text("ext-1", 11))
    Path(tree.lease("ext-1")).symlink_to(inside)
    [found] = NodeLeases(tree, {}).read()
    assert address(found) == "10.20.30.11"


def test_a_block_that_is_being_written_is_waited_for(tree: Tree) -> None:
    half, rest = (whole := text("ext-1", 77))[:100], whole[100:]

    def read_meanwhile() -> str:
        with write(tree, "ext-1", 11).open("a", buffering=1) as client:
            client.write(half)
            client.flush()
            timer = threading.Timer(0.015, client.write, (rest,))
            timer.start()
            [found] = NodeLeases(tree, {}).read()
            timer.join()
        return address(found)

    # The client takes one and a half of the reader's four pauses of 10 ms; a busy machine may make it late.
    assert any(read_meanwhile() == "10.20.30.77" for _ in range(10))


def test_a_block_that_stays_incomplete_leaves_the_last_complete_one(tree: Tree) -> None:
    """And is waited for once, not at every turn."""
    path = write(tree, "ext-1", 11)
    with path.open("a") as client:
        client.write(text("ext-1", 77)[:100])
    leases = NodeLeases(tree, {})
    [found] = leases.read()
    assert address(found) == "10.20.30.11"
    took = []
    for _ in range(5):
        began = time.monotonic()
        assert leases.read() == (found,)
        took.append(time.monotonic() - began)
    assert min(took) < 0.04  # which are the pauses of one who waits


def test_a_file_whose_bytes_are_the_same_is_not_parsed_again(tree: Tree) -> None:
    path = write(tree, "ext-1", 11)
    leases = NodeLeases(tree, {})
    [first] = leases.read()
    os.utime(path, (1, 1))
    [again] = leases.read()
    assert again.lease is first.lease
    path.write_text(text("ext-1", 12))
    os.utime(path, (1, 1))
    [changed] = leases.read()
    assert address(changed) == "10.20.30.12"


def test_people_see_the_current_leases_or_everything(tree: Tree) -> None:
    write(tree, "ext-1", 11, 77, inside="ens5")
    interfaces = {"ext-1": "ens5", "ext-2": "ens6"}
    found = NodeLeases(tree, interfaces).find(None, everything=False)
    assert [(lease.interface, str(lease.address)) for lease, _ in found.leases] == [("ext-1", "10.20.30.77")]
    assert [one.code for one in found.problems] == ["lease_file_missing"]
    everything = NodeLeases(tree, interfaces).find("ext-1", everything=True)
    assert [str(lease.address) for lease, _ in everything.leases] == ["10.20.30.11", "10.20.30.77"]


def test_a_file_of_two_interfaces_gives_the_current_lease_of_each(tree: Tree) -> None:
    path = write(tree, "both", 11, 12, inside="ext-1")
    with path.open("a") as client:
        client.write(text("ext-2", 22))
    both = of_file(str(path), None, "both", everything=False)
    assert [str(lease.address) for lease, _ in both.leases] == ["10.20.30.12", "10.20.30.22"]
    one = of_file(str(path), "ext-2", "both", everything=False)
    assert [str(lease.address) for lease, _ in one.leases] == ["10.20.30.22"]
