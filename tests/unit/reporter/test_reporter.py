import os
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from isi_net.errors import NewerSchema
from isi_net.formats import node_report
from isi_net.model.finding import Finding
from isi_net.model.lease import Lease
from isi_net.model.network import Node
from isi_net.model.report import REWRITE_SECONDS, Report
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
