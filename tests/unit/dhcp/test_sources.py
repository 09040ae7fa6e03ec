"""Leases of other clients: where they lie, whose counts, and a kind of client from outside of the package."""

import json
import os
import subprocess
import sys
import time
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from isi_net.demo.cloud import block
from isi_net.dhcp import clients
from isi_net.dhcp.leases import InterfaceLease, NodeLeases, of_file
from isi_net.dhcp.sources import TABLE, chosen
from isi_net.errors import BadValue
from isi_net.settings import load
from isi_net.store.tree import Tree

CORPUS = Path(__file__).parents[2] / "corpus"
REPOSITORY = Path(__file__).parents[3]
NOW = 1_795_340_000
UUID = "11111111-2222-3333-4444-555555555555"
NICS = {"ext-1": "ens5"}
NETWORKD, DEVICE = "run/systemd/netif/leases/2", "run/NetworkManager/devices/2"
INTERNAL = f"var/lib/NetworkManager/internal-{UUID}-ens5.lease"
DHCPCD, DEBIAN = "var/lib/dhcpcd/ens5.lease", "var/lib/dhcp/dhclient.ens5.leases"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A root with the NIC ens5, which is the kernel's second."""
    tree = Tree(str(tmp_path / "root"))
    put(tree, "sys/class/net/ens5/ifindex", b"2\n")
    os.makedirs(tree.leases)
    return tree


def put(tree: Tree, place: str, data: bytes, written: int = NOW) -> Path:
    path = Path(tree.root, place)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (written, written))
    return path


def dhclient(host: int, begin: int = NOW, nic: str = "ens5") -> bytes:
    """A block of one hour since `begin`."""
    return block(nic, IPv4Address(f"10.20.30.{host}"), begin).encode()


def networkd(host: int) -> bytes:
    return f"# This is private data. Do not parse.\nADDRESS=10.20.30.{host}\nLIFETIME=3600\n".encode()


def device(host: int, expiry: int = NOW + 3600) -> bytes:
    return f"[dhcp4]\ndhcp4.ip_address=10.20.30.{host}\ndhcp4.expiry={expiry}\n".encode()


def packet(host: int) -> bytes:
    recorded = (CORPUS / "dhcpcd/01-first-lease-dhcpd.ext-1.lease").read_bytes()
    return recorded[:16] + bytes((10, 20, 30, host)) + recorded[20:]


def leases(
    tree: Tree, source: str = "auto", now: float = NOW + 60, own: clients.Client = clients.DHCLIENT
) -> NodeLeases:
    return NodeLeases(tree, NICS, chosen(source), lambda: now, own)


def one(
    tree: Tree, source: str = "auto", now: float = NOW + 60, own: clients.Client = clients.DHCLIENT
) -> InterfaceLease:
    [found] = leases(tree, source, now, own).read()
    return found


def address(found: InterfaceLease) -> str:
    return str(found.lease.address) if found.lease else ""


def codes(found: InterfaceLease) -> list[str]:
    return [problem.code for problem in found.problems]


# Where they lie


@pytest.mark.parametrize(
    ("source", "place", "data"),
    [
        ("dhclient", DEBIAN, dhclient(11)),
        ("dhclient", "var/lib/dhcp/dhclient.leases", dhclient(99, nic="ens6") + dhclient(11)),
        ("dhclient", "var/db/dhclient.leases.ens5", dhclient(11)),
        ("dhclient", f"var/lib/NetworkManager/dhclient-{UUID}-ens5.lease", dhclient(11)),
        ("dhclient", f"var/lib/dhclient/dhclient-{UUID}-ens5.lease", dhclient(11)),
        ("dhclient", "var/lib/dhclient/dhclient-ens5.leases", dhclient(11)),
        ("dhclient", "var/lib/dhclient/dhclient--ens5.lease", dhclient(11)),
        ("dhcpcd", DHCPCD, packet(11)),
        ("networkd", NETWORKD, networkd(11)),
        ("networkmanager", DEVICE, device(11)),
        ("networkmanager", INTERNAL, networkd(11)),
        ("dhcpleased", "var/db/dhcpleased/ens5", b"version: 2\nip: 10.20.30.11\n"),
    ],
)
def test_every_client_is_found_where_it_keeps_its_lease(
    tree: Tree, source: str, place: str, data: bytes
) -> None:
    path = put(tree, place, data)
    for asked in ("auto", source):
        found = one(tree, asked)
        assert (address(found), found.source, found.path) == ("10.20.30.11", source, str(path))
    others = {other.name for other in TABLE} - {source}
    assert [address(one(tree, other)) for other in others] == [""] * len(others)


def test_an_interface_that_nobody_configured_has_no_foreign_lease(tree: Tree) -> None:
    """A laptop's own networks are nobody's business."""
    put(tree, NETWORKD, networkd(11))
    put(tree, DEBIAN, dhclient(11))
    assert NodeLeases(tree, {}).read() == ()
    put(tree, "var/db/dhclient/dhclient.leases.ens5", dhclient(12))
    [found] = NodeLeases(tree, {}, clock=lambda: NOW).read()
    assert (address(found), codes(found)) == ("10.20.30.12", [])


@pytest.mark.parametrize("name", [f"internal-{UUID}-my-ens5.lease", "internal-x-ens5.lease", "ens5.lease"])
def test_the_file_of_another_interface_is_not_ours(tree: Tree, name: str) -> None:
    put(tree, f"var/lib/NetworkManager/{name}", networkd(11))
    assert address(one(tree)) == ""


# Whose counts


def test_our_own_client_comes_first_while_its_lease_runs(tree: Tree) -> None:
    put(tree, "var/db/dhclient/dhclient.leases.ext-1", dhclient(11))
    put(tree, NETWORKD, networkd(12), NOW + 30)
    found = one(tree)
    assert (address(found), found.source, codes(found)) == ("10.20.30.11", "dhclient", ["two_clients"])
    late = one(tree, now=NOW + 3601)
    assert (address(late), late.source) == ("10.20.30.12", "networkd")


def test_the_client_that_we_run_comes_first_not_the_one_that_we_ran(tree: Tree) -> None:
    """After `[dhcp] client` was changed the other one's lease still runs, and nobody renews it."""
    put(tree, "var/db/dhclient/dhclient.leases.ext-1", dhclient(11), NOW + 1)
    put(tree, DHCPCD, packet(12))
    found = one(tree, own=clients.DHCPCD)
    assert (address(found), found.source, codes(found)) == ("10.20.30.12", "dhcpcd", ["two_clients"])
    assert address(one(tree)) == "10.20.30.11"


def test_the_lease_of_the_client_that_we_run_is_missed_at_its_place(tree: Tree) -> None:
    found = one(tree, own=clients.DHCPCD)
    assert [(problem.place, problem.code) for problem in found.problems] == [
        (f"{tree.root}/{DHCPCD}", "lease_file_missing")
    ]


@pytest.mark.parametrize("freshest", [DHCPCD, NETWORKD, DEVICE])
def test_of_several_running_leases_the_freshest_counts(tree: Tree, freshest: str) -> None:
    """And two clients on one interface are a finding that names the other file."""
    files = {DHCPCD: packet(21), NETWORKD: networkd(22), DEVICE: device(23)}
    hosts = {DHCPCD: 21, NETWORKD: 22, DEVICE: 23}
    paths = {place: put(tree, place, data, NOW + 9 * (place == freshest)) for place, data in files.items()}
    found = one(tree)
    assert address(found) == f"10.20.30.{hosts[freshest]}"
    clashes = [problem for problem in found.problems if problem.code == "two_clients"]
    assert {problem.severity for problem in clashes} == {"warning"}
    said = " ".join(problem.message for problem in clashes)
    assert [place for place, path in paths.items() if str(path) in said] == [
        place for place in files if place != freshest
    ]


def test_two_clients_with_one_address_are_a_remark(tree: Tree) -> None:
    put(tree, DHCPCD, packet(11))
    put(tree, NETWORKD, networkd(11))
    clash = next(problem for problem in one(tree).problems if problem.code == "two_clients")
    assert clash.severity == "info"


def test_renewals_of_two_clients_do_not_move_the_address_to_and_fro(tree: Tree) -> None:
    put(tree, DHCPCD, packet(21), NOW)
    put(tree, DEVICE, device(23), NOW + 1)
    node = leases(tree)
    assert [address(found) for found in node.read()] == ["10.20.30.23"]
    put(tree, DHCPCD, packet(21), NOW + 40)
    assert [address(found) for found in node.read()] == ["10.20.30.23"]
    put(tree, DHCPCD, packet(77), NOW + 41)  # a new address is news
    assert [address(found) for found in node.read()] == ["10.20.30.77"]


def test_a_manager_that_changes_under_way_is_followed(tree: Tree) -> None:
    old = put(tree, DHCPCD, packet(21), NOW)
    node = leases(tree)
    assert [found.source for found in node.read()] == ["dhcpcd"]
    put(tree, NETWORKD, networkd(22), NOW + 50)
    [both] = node.read()
    assert (both.source, address(both), "two_clients" in codes(both)) == ("networkd", "10.20.30.22", True)
    old.unlink()
    [after] = node.read()
    assert (after.source, codes(after)) == ("networkd", ["expiry_unknown"])


def test_what_a_client_left_behind_long_ago_yields_to_any_lease_that_runs(tree: Tree) -> None:
    put(tree, DEBIAN, dhclient(20, NOW - 90_000), NOW - 90_000)
    put(tree, INTERNAL, networkd(21), NOW + 50)  # it has no end, and outlives the boot
    put(tree, DHCPCD, packet(22), NOW)
    found = one(tree)
    assert (address(found), codes(found)) == ("10.20.30.22", [])


def test_when_none_runs_the_last_one_counts_that_did(tree: Tree) -> None:
    put(tree, INTERNAL, networkd(21), NOW - 400_000)
    put(tree, DHCPCD, packet(22), NOW - 7200)
    found = one(tree)
    assert (address(found), found.lease and found.lease.state(NOW)) == ("10.20.30.22", "expired")


def test_a_renewal_of_dhcpcd_is_seen_though_its_bytes_are_the_same(tree: Tree) -> None:
    path = put(tree, DHCPCD, packet(11))
    node = leases(tree)
    [before] = node.read()
    os.utime(path, (NOW + 1800, NOW + 1800))
    [after] = node.read()
    assert before.lease is not None
    assert after.lease is not None
    assert after.lease.expire == NOW + 1800 + 3600 == (before.lease.expire or 0) + 1800


# What is wrong


def test_bad_files_are_findings_with_their_paths_and_spoil_nothing(tree: Tree, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(packet(66))
    bad = {
        DHCPCD: lambda path: path.symlink_to(outside),
        NETWORKD: lambda path: path.mkdir(),
        DEVICE: os.mkfifo,
        "var/db/dhcpleased/ens5": lambda path: path.write_bytes(b"\0" * (2 << 20)),
        "var/lib/dhclient/dhclient-ens5.lease": lambda path: path.write_bytes(b"lease {" * 200_000),
    }
    for place, make in bad.items():
        path = Path(tree.root, place)
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)
    nothing = one(tree)
    assert (address(nothing), len(nothing.problems)) == ("", len(bad))
    assert {os.path.relpath(problem.place, tree.root) for problem in nothing.problems} == set(bad)
    put(tree, DEBIAN, dhclient(11))
    found = one(tree)
    assert (address(found), len(found.problems)) == ("10.20.30.11", len(bad))


@pytest.mark.parametrize("data", [b"", b"\x02\x01\x06", b"lease {", b"\x01" * 400])
def test_a_file_that_cannot_be_read_now_does_not_hand_over_to_one_that_ran_out(
    tree: Tree, data: bytes
) -> None:
    """The last good lease stands: the reporter keeps it, as long as nothing that runs takes its place."""
    put(tree, DEBIAN, dhclient(20, NOW - 90_000), NOW - 90_000)
    put(tree, INTERNAL, networkd(21), NOW - 400_000)
    path = put(tree, DHCPCD, packet(22))
    assert address(one(tree)) == "10.20.30.22"
    path.write_bytes(data)
    found = one(tree)
    assert found.lease is None
    assert any(problem.place.startswith(str(path)) for problem in found.problems)


def test_a_nic_that_is_not_there_is_a_finding(tree: Tree) -> None:
    [found] = NodeLeases(tree, {"ext-1": "ens9"}, chosen("networkd")).read()
    assert codes(found) == ["interface_missing"]
    assert found.problems[0].place == os.path.join(tree.root, "sys/class/net/ens9/ifindex")


def test_a_lease_that_is_not_there_is_a_finding_at_its_place(tree: Tree) -> None:
    for source, place in (
        ("auto", "var/db/dhclient/dhclient.leases.ext-1"),
        ("networkd", NETWORKD),
        ("dhcpcd", DHCPCD),
    ):
        found = one(tree, source)
        assert (codes(found), found.problems[0].place) == (["lease_file_missing"], f"{tree.root}/{place}")


# What else is told


def test_the_directories_of_the_files_found_are_watched(tree: Tree) -> None:
    node = leases(tree)
    node.read()
    assert node.directories() == [tree.leases]
    path = put(tree, NETWORKD, networkd(11))
    node.read()
    assert node.directories() == sorted([tree.leases, str(path.parent)])
    path.unlink()
    node.read()
    assert node.directories() == [tree.leases]


def test_people_see_other_clients_leases_under_the_clusters_names(tree: Tree) -> None:
    put(tree, "var/lib/dhcp/dhclient.leases", dhclient(10) + dhclient(99, nic="ens6") + dhclient(11))
    for everything, hosts in ((False, ["11"]), (True, ["10", "11"])):
        found = NodeLeases(tree, NICS).find(None, everything)
        assert [str(lease.address).rpartition(".")[2] for lease, _ in found.leases] == hosts


@pytest.mark.parametrize("everything", [False, True])
def test_an_interface_that_nobody_configured_has_no_lease_to_show(tree: Tree, everything: bool) -> None:
    """Though there is such a NIC: the kernel's file about it is no lease file."""
    put(tree, NETWORKD, networkd(11))
    found = NodeLeases(tree, {}, chosen("networkd")).find("ens5", everything)
    assert (found.leases, [problem.code for problem in found.problems]) == ((), ["interface_missing"])
    assert "[interfaces] does not name it" in found.problems[0].message


@pytest.mark.parametrize(
    "recorded", sorted(CORPUS.glob("[dn]*/*first*")), ids=lambda path: f"{path.parent.name}-{path.name[-12:]}"
)
def test_a_file_of_any_client_is_recognised_by_its_content(tmp_path: Path, recorded: Path) -> None:
    path = tmp_path / "whatever"
    path.write_bytes(recorded.read_bytes())
    [(lease, _)] = of_file(str(path), None, "ext-1", everything=False).leases
    assert (lease.interface, str(lease.address)) == ("ext-1", "10.20.30.11")


# Settings


def settings(tree: Tree, source: str) -> Path:
    path = Path(tree.settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'[node]\ndevid = 4\n[interfaces]\next-1 = "ens5"\n[dhcp]\nsource = {source}\n')
    return path


@pytest.mark.parametrize("source", ["auto", *(source.name for source in TABLE)])
def test_a_source_of_the_table_can_be_chosen(tree: Tree, source: str) -> None:
    settings(tree, f'"{source}"')
    assert load(tree).source == source


@pytest.mark.parametrize("source", ['"udhcpc"', '""', "7", "[]"])
def test_a_source_that_is_unknown_is_an_error_that_names_the_known_ones(tree: Tree, source: str) -> None:
    settings(tree, source)
    with pytest.raises(BadValue, match=r"\[dhcp\] source"):
        load(tree)


# A kind of client that this package has never heard of


ABROAD = """\
from ipaddress import IPv4Address
from isi_net.dhcp.sources import Source
from isi_net.errors import FormatError
from isi_net.model.lease import Lease, LeaseFile

def parse(data, nic, written):
    if not data.startswith(b"abroad "):
        raise FormatError("not of abroad")
    return LeaseFile((Lease(nic, IPv4Address(data.split()[1].decode()), expire=written + 3600),))

SOURCE = Source("abroad", ("var/abroad/{nic}",), parse, lambda data: data.startswith(b"abroad "))
NOTHING = None
"""


@pytest.fixture
def abroad(tmp_path: Path) -> Path:
    """A directory of installed packages with one that brings a source, and a broken one."""
    site = tmp_path / "site"
    info = site / "abroad-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "abroad.py").write_text(ABROAD)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: abroad\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[isi_net.lease_sources]\nabroad = abroad:SOURCE\ngone = abroad:GONE\nnothing = abroad:NOTHING\n"
    )
    return site


def isi_net(tree: Tree, site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "isi_net", "--root", tree.root, *words],
        env=os.environ | {"PYTHONPATH": f"{REPOSITORY}:{site}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_source_from_outside_is_reported_like_any_other(tree: Tree, abroad: Path) -> None:
    settings(tree, '"abroad"')
    os.makedirs(os.path.dirname(tree.log))
    os.makedirs(tree.ifs)
    put(tree, "var/abroad/ens5", b"abroad 10.20.30.11", int(time.time()))
    put(tree, DHCPCD, packet(99), int(time.time()))  # it was not asked for
    done = isi_net(tree, abroad, "daemon", "--once")
    assert done.returncode == 0, done
    report = json.loads(Path(tree.report(4)).read_text())
    assert report["source"] == "abroad"
    assert [(one["interface"], one["address"]) for one in report["addresses"]] == [("ext-1", "10.20.30.11")]
    shown = isi_net(tree, abroad, "dhcp", "lease", "show", "--format", "json")
    assert json.loads(shown.stdout)["address"] == "10.20.30.11"


def test_a_file_is_recognised_by_a_source_from_outside(tree: Tree, abroad: Path) -> None:
    """Beside broken ones, which are passed over; text that nobody knows is complained of as dhclient's."""
    put(tree, "somewhere", b"abroad 10.20.30.11", int(time.time()))
    shown = isi_net(
        tree, abroad, "dhcp", "lease", "show", "--file", f"{tree.root}/somewhere", "--format=json"
    )
    assert json.loads(shown.stdout)["address"] == "10.20.30.11"
    put(tree, "somewhere", b"elsewhere 10.20.30.11", int(time.time()))
    done = isi_net(tree, abroad, "dhcp", "lease", "show", "--file", f"{tree.root}/somewhere")
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize(("source", "said"), [("gone", "cannot be loaded"), ("nothing", "is no Source")])
def test_a_source_from_outside_that_is_broken_is_an_error(
    tree: Tree, abroad: Path, source: str, said: str
) -> None:
    settings(tree, f'"{source}"')
    done = isi_net(tree, abroad, "dhcp", "lease", "show")
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_source_names_those_from_outside_too(tree: Tree, abroad: Path) -> None:
    settings(tree, '"udhcpc"')
    assert "auto, abroad, dhclient" in isi_net(tree, abroad, "dhcp", "lease", "show").stderr
