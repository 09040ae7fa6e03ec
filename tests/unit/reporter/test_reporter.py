import os
import subprocess
import sys
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from isi_net.errors import NewerSchema
from isi_net.formats import node_report
from isi_net.model.finding import Finding
from isi_net.model.lease import Lease
from isi_net.model.network import Node
from isi_net.model.report import OLD_SECONDS, REWRITE_SECONDS, Report
from isi_net.reporter import reporter as room
from isi_net.reporter.reporter import Reporter, Witness
from isi_net.store.tree import Tree

NOW = 1_770_000_000.0
WITNESS = Witness(Node(4, 3, "n-3"), "AWS", "dhclient", "1.0")


class Clock:
    """Seconds, as a test sets them."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(str(tmp_path))


@pytest.fixture
def reporter(tree: Tree, clock: Clock) -> Reporter:
    return Reporter(tree, WITNESS, clock)


def lease(host: int = 1, interface: str = "ext-1") -> Lease:
    return Lease(interface, IPv4Address(f"10.0.0.{host}"), options=(("x", "y"),))


def lying_there(tree: Tree) -> Report:
    return node_report.parse(Path(tree.report(4)).read_bytes())


def inode(tree: Tree) -> int:
    return os.stat(tree.report(4)).st_ino


def test_what_is_leased_is_testified_and_written(tree: Tree, reporter: Reporter) -> None:
    said = reporter.turn({"ext-1": lease(1), "ext-2": lease(2, "ens6"), "ext-3": None}, ())
    assert said == lying_there(tree)
    assert (said.devid, said.lnn, said.node, said.manager) == (4, 3, "n-3", "AWS")
    assert [(one.interface, str(one.address)) for one in said.addresses] == [
        ("ext-1", "10.0.0.1"),
        ("ext-2", "10.0.0.2"),
    ]
    assert all(one.options == () for one in said.addresses)


def test_it_is_written_when_it_differs_and_to_show_that_the_node_lives(
    tree: Tree, reporter: Reporter, clock: Clock
) -> None:
    reporter.turn({"ext-1": lease()}, ())
    first = inode(tree)
    clock.now += REWRITE_SECONDS - 1
    assert reporter.turn({"ext-1": lease()}, ()).reported_at == NOW
    assert inode(tree) == first
    clock.now += 1
    assert reporter.turn({"ext-1": lease()}, ()).reported_at == clock.now
    second = inode(tree)
    assert second != first
    reporter.turn({"ext-1": lease(2)}, ())
    assert str(lying_there(tree).addresses[0].address) == "10.0.0.2"
    clock.now -= 3600  # the clock was set back
    assert reporter.turn({"ext-1": lease(2)}, ()).reported_at == clock.now


def test_a_new_daemon_writes_nothing_that_the_old_one_wrote_already(
    tree: Tree, reporter: Reporter, clock: Clock
) -> None:
    reporter.turn({"ext-1": lease()}, ())
    first = inode(tree)
    Reporter(tree, WITNESS, clock).turn({"ext-1": lease()}, ())
    assert inode(tree) == first


@pytest.mark.parametrize("many", [node_report.MAX_PROBLEMS + 1, 1000])
def test_more_than_a_report_holds_is_cut_and_not_written_again_and_again(
    tree: Tree, reporter: Reporter, many: int
) -> None:
    problems = [Finding(f"line {number}", "bad", "error", "x" * 2000) for number in range(many)]
    said = reporter.turn({"ext-1": lease()}, problems)
    assert len(said.problems) == node_report.MAX_PROBLEMS
    first = inode(tree)
    reporter.turn({"ext-1": lease()}, problems)
    assert inode(tree) == first


def test_an_interface_whose_lease_cannot_be_read_keeps_what_was_reported(
    tree: Tree, reporter: Reporter, clock: Clock
) -> None:
    reporter.turn({"ext-1": lease()}, ())
    for one in (reporter, Reporter(tree, WITNESS, clock)):
        said = one.turn({"ext-1": None}, ())
        assert [str(lease.address) for lease in said.addresses] == ["10.0.0.1"]
    assert reporter.turn({}, ()).addresses == ()  # it is no interface of ours any more


@pytest.mark.parametrize("fault", ["missing", "empty", "garbage", "foreign", "no directory"])
def test_a_report_that_was_lost_is_written_again_with_all_that_it_said(
    tree: Tree, reporter: Reporter, fault: str
) -> None:
    said = reporter.turn({"ext-1": lease()}, ())
    path = Path(tree.report(4))
    if fault in {"missing", "no directory"}:
        path.unlink()
        if fault == "no directory":
            path.parent.rmdir()
    else:
        foreign = node_report.render(Report(5, 5, "n-5", "AWS", "dhclient", "1", 0))
        path.write_bytes({"empty": b"", "garbage": b"{", "foreign": foreign}[fault])
    assert reporter.turn({"ext-1": None}, ()) == said
    assert lying_there(tree) == said


def test_the_report_of_a_newer_release_is_not_overwritten(tree: Tree, reporter: Reporter) -> None:
    path = Path(tree.report(4))
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"schema": 2}')
    for _ in range(2):
        with pytest.raises(NewerSchema):
            reporter.turn({"ext-1": lease()}, ())
    assert path.read_bytes() == b'{"schema": 2}'


def test_what_a_former_daemon_left_half_written_is_swept_and_no_other_nodes(
    tree: Tree, reporter: Reporter
) -> None:
    os.makedirs(tree.reports)
    for name in (".node.4.0011223344556677", ".node.44.0011223344556677"):
        Path(tree.reports, name).touch()
    reporter.turn({"ext-1": lease()}, ())
    assert sorted(os.listdir(tree.reports)) == [".node.44.0011223344556677", "node.4"]


def test_an_address_of_nobodys_is_a_problem_and_no_testimony() -> None:
    bad = Lease("ext-1", IPv4Address("169.254.3.4"))
    said = room.testify(WITNESS, {"ext-1": bad, "ext-2": lease()}, (), None, NOW)
    assert [one.interface for one in said.addresses] == ["ext-2"]
    assert [(one.place, one.code) for one in said.problems] == [("node 4 ext-1", "address_nobodys")]


TWICE = "devid_twice"
CLONE = Witness(Node(4, 3, "n-3"), "AWS", "dhclient", "1.0")  # made of the same image, isi_net.toml and all


def codes(report: Report) -> list[str]:
    return [one.code for one in report.problems]


def test_two_daemons_of_one_devid_are_told_by_both_in_the_same_words(
    tree: Tree, reporter: Reporter, clock: Clock
) -> None:
    """What lies there changes hands at every turn, and what it says of the two must not."""
    clone = Reporter(tree, CLONE, clock)
    said = set()
    for turn in range(10):
        clock.now += 0.5
        for one, host in ((reporter, 1), (clone, 2)):
            problems = one.turn({"ext-1": lease(host)}, ()).problems
            assert problems == lying_there(tree).problems
            if turn:
                said.update(problems)
    (finding,) = said
    assert (finding.place, finding.code, finding.severity) == ("node 4", TWICE, "error")
    assert finding.message == (
        "several daemons report under this devid: n-3 (LNN 3, ext-1 10.0.0.1) and n-3 (LNN 3, ext-1 10.0.0.2)"
    )
    assert finding.action == "give each node its own devid in isi_net.toml"


def test_that_a_devid_was_there_twice_is_told_for_a_while(
    tree: Tree, reporter: Reporter, clock: Clock
) -> None:
    clone = Reporter(tree, CLONE, clock)
    for one, host in ((reporter, 1), (clone, 2), (reporter, 1)):
        said = one.turn({"ext-1": lease(host)}, ())
    assert codes(said) == [TWICE]
    first = inode(tree)
    clock.now += REWRITE_SECONDS - 1
    assert codes(reporter.turn({"ext-1": lease(1)}, ())) == [TWICE]
    assert inode(tree) == first  # it does not have the report written more often
    clock.now += OLD_SECONDS - REWRITE_SECONDS
    assert codes(reporter.turn({"ext-1": lease(1)}, ())) == [TWICE]
    clock.now += 1
    assert codes(reporter.turn({"ext-1": lease(1)}, ())) == []
    assert codes(lying_there(tree)) == []


def test_the_first_problem_is_that_of_the_devid(tree: Tree, reporter: Reporter, clock: Clock) -> None:
    """Whatever a lease file is full of, this one is not cut off."""
    many = [Finding(f"line {number}", "bad", "error", "x") for number in range(node_report.MAX_PROBLEMS)]
    reporter.turn({}, many)
    Reporter(tree, CLONE, clock).turn({"ext-1": lease(2)}, ())
    assert codes(reporter.turn({}, many)) == [TWICE, *["bad"] * (node_report.MAX_PROBLEMS - 1)]


def test_what_another_daemon_calls_its_node_drives_no_terminal_and_fills_no_screen(
    tree: Tree, reporter: Reporter, clock: Clock
) -> None:
    reporter.turn({"ext-1": lease()}, ())
    hostile = Report(4, 9, "\x1b[2J\n" + "\u202e" * 200, "AWS", "x", "1", int(clock.now))
    many = tuple(lease(host, f"ext-{host}") for host in range(1, 200))
    Path(tree.report(4)).write_bytes(node_report.render(hostile._replace(addresses=many)))
    (finding,) = reporter.turn({"ext-1": lease()}, ()).problems
    assert finding.message.isprintable()
    assert r"\x1b[2J\n\u202e" in finding.message
    assert "LNN 9, ext-1 10.0.0.1, ext-2 10.0.0.2, ext-3 10.0.0.3 and 196 more)" in finding.message
    assert len(finding.message) < 300


def test_an_address_of_another_daemons_is_not_testified_for_a_lease_that_cannot_be_read(
    tree: Tree, reporter: Reporter, clock: Clock
) -> None:
    reporter.turn({"ext-1": lease(1)}, ())
    Reporter(tree, CLONE, clock).turn({"ext-1": lease(2)}, ())
    said = reporter.turn({"ext-1": None}, ())
    assert [str(one.address) for one in said.addresses] == ["10.0.0.1"]


@pytest.mark.parametrize("fault", ["deleted", "empty", "garbage", "foreign", "older", "same, later"])
def test_a_report_that_came_to_harm_tells_of_no_other_daemon(
    tree: Tree, reporter: Reporter, clock: Clock, fault: str
) -> None:
    path = Path(tree.report(4))
    reporter.turn({"ext-1": lease(1)}, ())
    older = path.read_bytes()
    clock.now += 60
    said = reporter.turn({"ext-1": lease(2)}, ())
    if fault == "deleted":
        path.unlink()  # by `isi_net reports delete`
    else:
        foreign = said._replace(devid=5, node="n-5", reported_at=said.reported_at + 5)
        later = said._replace(reported_at=said.reported_at + 5)
        path.write_bytes(
            {
                "empty": b"",
                "garbage": b"{",
                "foreign": node_report.render(foreign),
                "older": older,
                "same, later": node_report.render(later),
            }[fault]
        )
    for _ in range(3):
        clock.now += 1
        assert codes(reporter.turn({"ext-1": lease(2)}, ())) == []
    assert str(lying_there(tree).addresses[0].address) == "10.0.0.2"


@pytest.mark.parametrize("node", [WITNESS.node, Node(4, 7, "n-3"), Node(4, 3, "renamed"), Node(6, 3, "n-3")])
def test_a_daemon_that_starts_again_is_no_other_one(
    tree: Tree, reporter: Reporter, clock: Clock, node: Node
) -> None:
    """With the settings it had, or with others; and its lease may have changed meanwhile."""
    reporter.turn({"ext-1": lease(1)}, ())
    fresh = Reporter(tree, replace(WITNESS, node=node), clock)
    for _ in range(3):
        clock.now += 1
        assert codes(fresh.turn({"ext-1": lease(2)}, ())) == []


def test_a_report_of_which_it_is_not_known_that_it_was_written_is_no_other_daemons(tree: Tree) -> None:
    """It was renamed into place, and the disk failed at what makes that safe."""
    code = f"""
import errno, os, sys
from ipaddress import IPv4Address
from isi_net.errors import Unwritable
from isi_net.model.lease import Lease
from isi_net.model.network import Node
from isi_net.reporter.reporter import Reporter, Witness
from isi_net.store.tree import Tree
tree, now, fails = Tree({tree.root!r}, {tree.ifs!r}), 1000, False
def hook(event, words):
    if fails and event == "open" and words[0] == tree.reports:
        raise OSError(errno.EIO, "EIO")
sys.addaudithook(hook)
reporter = Reporter(tree, Witness(Node(4, 3, "n-3"), "AWS", "dhclient", "1.0"), lambda: now)
reporter.turn({{"ext-1": Lease("ext-1", IPv4Address("10.0.0.1"))}}, ())
now, fails = now + 1, True
leases = {{"ext-1": Lease("ext-1", IPv4Address("10.0.0.2"))}}
try:
    reporter.turn(leases, ())
except Unwritable as why:
    print(why.what)
now, fails = now + 1, False
said = reporter.turn(leases, ())
print(said.addresses[0].address, said.reported_at, said.problems)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["cannot write: EIO", "10.0.0.2 1001 ()"]
