"""This node's inventory: what psutil says, by the cluster's names, written when it differs."""

import os
import subprocess
import sys
from ipaddress import IPv4Interface, IPv6Interface
from pathlib import Path
from socket import AF_INET, AF_INET6
from typing import NamedTuple

import psutil
import pytest

from isi_net.errors import Unreadable
from isi_net.formats import inventory as file
from isi_net.model.interface import Interface, Inventory, under_cluster_names
from isi_net.model.network import Node
from isi_net.reporter.inventory import EVERY_SECONDS, Stocktaker, nics, of_psutil, read_all
from isi_net.store.tree import Tree

NODE = Node(4, 4, "GLaDOS-4")


class Stats(NamedTuple):
    isup: bool = True
    speed: int = 0
    mtu: int = 1500
    flags: str = "up,broadcast,running,multicast"


class Address(NamedTuple):
    family: int
    address: str
    netmask: str | None


MAC = Address(psutil.AF_LINK, "02:fc:00:00:00:01", None)


def one_nic(stats: Stats, *addresses: Address) -> Interface:
    (nic,) = of_psutil({"ens5": stats}, {"ens5": addresses})
    return nic


def test_this_machine_has_a_loopback_interface() -> None:
    found = next(nic for nic in nics() if nic.type == "loopback")
    assert found.nic_name in {"lo", "lo0"}
    assert found.name == found.nic_name


def test_commands_that_read_inventories_do_not_load_psutil() -> None:
    asked = "import sys, isi_net.cli.interfaces; sys.exit('psutil' in sys.modules)"
    subprocess.run([sys.executable, "-c", asked], check=True)


@pytest.mark.parametrize(
    ("stats", "status"),
    [
        (Stats(), "up"),
        (Stats(isup=False, flags="up,broadcast,multicast"), "no_carrier"),
        (Stats(isup=False, flags="broadcast,multicast"), "inactive"),
        (Stats(isup=False, flags=""), "inactive"),
    ],
)
def test_a_nic_is_up_or_without_carrier_or_turned_off(stats: Stats, status: str) -> None:
    assert one_nic(stats).status == status


@pytest.mark.parametrize(
    ("stats", "type_", "speed"),
    [
        (Stats(speed=100), "fastgige", 100),
        (Stats(speed=1000), "gige", 1000),
        (Stats(speed=25000), "25gige", 25000),
        (Stats(speed=7), "unknown", 7),
        (Stats(speed=0), "unknown", None),
        (Stats(flags="up,loopback,running"), "loopback", None),
    ],
)
def test_the_type_is_the_api_s_word_for_the_speed(stats: Stats, type_: str, speed: int | None) -> None:
    nic = one_nic(stats)
    assert (nic.type, nic.speed) == (type_, speed)


def test_addresses_of_both_families_carry_their_prefix() -> None:
    nic = one_nic(
        Stats(mtu=9001),
        Address(AF_INET, "10.20.30.14", "255.255.255.0"),
        Address(AF_INET6, "fe80::1%ens5", "ffff:ffff:ffff:ffff::"),
        Address(AF_INET, "10.9.9.9", None),
        MAC,
    )
    assert nic.addresses == (
        IPv4Interface("10.20.30.14/24"),
        IPv6Interface("fe80::1/64"),
        IPv4Interface("10.9.9.9/32"),
    )
    assert (nic.mac, nic.mtu, nic.flags) == (
        "02:fc:00:00:00:01",
        9001,
        ("up", "broadcast", "running", "multicast"),
    )


def test_an_address_with_a_label_is_its_nic_s() -> None:
    one = Address(AF_INET, "10.0.0.1", "255.0.0.0")
    (nic,) = of_psutil({"ens5": Stats()}, {"ens5:1": [one], "ens6": [one]})
    assert (nic.name, nic.addresses) == ("ens5", (IPv4Interface("10.0.0.1/8"),))


def test_what_no_command_can_name_is_left_out() -> None:
    assert of_psutil({"-rf": Stats(), "a b": Stats(), "x" * 33: Stats()}, {}) == ()


def test_nics_go_by_the_cluster_s_names_which_come_first() -> None:
    seen = tuple(Interface(name, name, "up") for name in ("lo", "ens6", "ens5", "ext-1"))
    assert under_cluster_names(seen, {"ext-2": "ens6", "ext-1": "ens5", "ext-9": "ens9"}) == (
        Interface("ext-1", "ens5", "up"),
        Interface("ext-2", "ens6", "up"),
        Interface("ext-9", "ens9"),
        Interface("lo", "lo", "up"),
    )


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Machine:
    """NICs that change, and how often they were looked at."""

    def __init__(self) -> None:
        self.nics = [Interface("ens5", "ens5", "up"), Interface("lo", "lo", "up", "loopback")]
        self.looks = 0
        self.broken = False

    def __call__(self) -> list[Interface]:
        self.looks += 1
        if self.broken:
            raise Unreadable("cannot look at the NICs: Too many open files", todo="look at ip address show")
        return self.nics


class Rig:
    """A stocktaker of node 4 on a machine of two NICs."""

    def __init__(self, root: Path) -> None:
        self.tree, self.clock, self.machine = Tree(str(root)), Clock(), Machine()
        self.path = Path(self.tree.inventory(4))
        self.stocktaker = self.another()

    def another(self) -> Stocktaker:
        return Stocktaker(self.tree, NODE, {"ext-1": "ens5"}, self.clock, self.machine)

    def turn(self) -> list[str]:
        """A turn when the next inventory is due; gives back the codes of what hinders it."""
        self.clock.now += EVERY_SECONDS
        return [finding.code for finding in self.stocktaker.turn()]

    def inventory(self) -> Inventory:
        return file.parse(self.path.read_bytes())


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_the_first_turn_takes_the_inventory(rig: Rig) -> None:
    assert rig.stocktaker.turn() == ()
    assert rig.inventory() == Inventory(
        4, 4, "GLaDOS-4", (Interface("ext-1", "ens5", "up"), Interface("lo", "lo", "up", "loopback"))
    )
    assert rig.path == Path(rig.tree.ifs, ".ifsvar", "modules", "flexnet", "inventory", "node.4")


def test_the_nics_are_looked_at_every_few_seconds_only(rig: Rig) -> None:
    for _ in range(50):
        rig.stocktaker.turn()
        rig.clock.now += EVERY_SECONDS / 10
    assert rig.machine.looks == 5


def test_an_inventory_that_does_not_differ_is_not_written(rig: Rig) -> None:
    rig.turn()
    before = rig.path.stat().st_ino
    rig.turn()
    rig.stocktaker = rig.another()
    rig.turn()
    assert rig.path.stat().st_ino == before


def test_one_that_differs_is_written(rig: Rig) -> None:
    rig.turn()
    rig.machine.nics[0] = Interface("ens5", "ens5", "no_carrier")
    rig.turn()
    assert rig.inventory().interfaces[0] == Interface("ext-1", "ens5", "no_carrier")


def test_more_than_the_file_holds_is_cut_and_not_written_again(rig: Rig) -> None:
    rig.machine.nics += [Interface(f"veth{number}", f"veth{number}") for number in range(999)]
    rig.turn()
    before = rig.path.stat().st_ino
    rig.turn()
    assert rig.path.stat().st_ino == before
    assert rig.inventory().interfaces[0].name == "ext-1"


@pytest.mark.parametrize("spoilt", [b"", b"{", file.render(Inventory(5, 5, "GLaDOS-5"))])
def test_what_somebody_spoilt_is_put_right(rig: Rig, spoilt: bytes) -> None:
    rig.turn()
    rig.path.write_bytes(spoilt)
    assert rig.turn() == []
    assert rig.inventory().devid == 4


def test_one_that_was_deleted_is_written_again(rig: Rig) -> None:
    rig.turn()
    rig.path.unlink()
    assert rig.turn() == []
    assert rig.inventory().devid == 4


def test_what_a_former_daemon_left_half_written_is_swept_away(rig: Rig) -> None:
    rig.path.parent.mkdir(parents=True)
    mine, theirs = (rig.path.with_name(f".node.{devid}.0011223344556677") for devid in (4, 44))
    mine.touch()
    theirs.touch()
    rig.turn()
    assert (mine.exists(), theirs.exists()) == (False, True)


def test_nics_that_cannot_be_looked_at_are_a_finding_until_they_can(rig: Rig) -> None:
    rig.turn()
    rig.machine.broken = True
    assert rig.turn() == ["inventory_old"]
    (finding,) = rig.stocktaker.turn()  # not due: it lasts
    assert str(finding) == (
        "node 4: the inventory of interfaces stays as it is: "
        "cannot look at the NICs: Too many open files; look at ip address show"
    )
    assert rig.inventory().interfaces[0].status == "up"
    rig.machine.broken = False
    assert rig.turn() == []


def test_an_inventory_that_cannot_be_written_is_a_finding(rig: Rig) -> None:
    rig.path.mkdir(parents=True)
    rig.clock.now += EVERY_SECONDS
    (finding,) = rig.stocktaker.turn()
    assert (finding.place, finding.severity) == (str(rig.path), "warning")


def test_what_a_newer_release_wrote_stays(rig: Rig) -> None:
    rig.turn()
    newer = b'{"schema": 2}'
    rig.path.write_bytes(newer)
    assert rig.turn() == ["inventory_old"]
    assert rig.path.read_bytes() == newer


def test_where_no_node_left_an_inventory_there_are_none(tmp_path: Path) -> None:
    assert read_all(Tree(str(tmp_path))) == ((), ())


def test_a_bad_file_spoils_only_itself(rig: Rig) -> None:
    """And names that are no inventory's are passed over."""
    directory = rig.path.parent
    directory.mkdir(parents=True)
    for devid in (10, 2):
        Path(rig.tree.inventory(devid)).write_bytes(file.render(Inventory(devid, devid, "n")))
    (directory / "node.3").write_bytes(b"{")
    (directory / "node.4").write_bytes(file.render(Inventory(5, 5, "n")))
    (directory / "node.5").symlink_to("node.2")
    os.mkfifo(directory / "node.6")
    (directory / ".node.7.abc").touch()
    (directory / "README").touch()
    found, failures = read_all(rig.tree)
    assert [one.devid for one in found] == [2, 10]
    assert [error.where for error in failures] == [rig.tree.inventory(devid) for devid in (3, 4, 5, 6)]


def test_a_daemon_leaves_its_node_s_inventory(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    loopback = next(nic.nic_name for nic in nics() if nic.type == "loopback")
    for path in (tree.settings, tree.log, tree.lease("ext-1")):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(tree.settings).write_text(f'[node]\ndevid = 4\n[interfaces]\next-1 = "{loopback}"\n')
    daemon = [sys.executable, "-m", "isi_net", "--root", tree.root, "daemon", "--once"]
    subprocess.run(daemon, check=True)
    ((left,), failures) = read_all(tree)
    assert (left.devid, failures) == (4, ())
    assert (left.interfaces[0].name, left.interfaces[0].nic_name) == ("ext-1", loopback)
