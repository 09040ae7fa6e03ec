import os
from ipaddress import IPv4Address
from pathlib import Path
from threading import Timer

import pytest

from isi_net.errors import Unreadable
from isi_net.formats import node_report
from isi_net.model.lease import Lease
from isi_net.model.report import Report, UnreadReport
from isi_net.reporter.inbox import Inbox
from isi_net.store import atomic
from isi_net.store.read import GRAIN_SECONDS
from isi_net.store.tree import Tree


class Clock:
    """Seconds, as a test sets them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(str(tmp_path))
    os.makedirs(tree.reports)
    return tree


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inbox(tree: Tree, clock: Clock) -> Inbox:
    return Inbox(tree, clock, patience=0.0)


def rendered(devid: int, host: int = 1) -> bytes:
    lease = Lease("ext-1", IPv4Address(f"10.0.0.{host}"))
    return node_report.render(Report(devid, devid, f"n-{devid}", "AWS", "dhclient", "1", 0, (lease,)))


def put(tree: Tree, devid: int, host: int = 1) -> None:
    atomic.replace(tree.report(devid), rendered(devid, host))


def code(one: Report | UnreadReport) -> str:
    return one.finding.code if isinstance(one, UnreadReport) else ""


def test_a_cluster_without_reports_has_none(tmp_path: Path, inbox: Inbox) -> None:
    assert Inbox(Tree(str(tmp_path / "none"))).read() == ()
    assert inbox.read() == ()
    assert inbox.read() is inbox.read()


def test_reports_come_by_devid_and_other_files_are_nobodys(tree: Tree, inbox: Inbox) -> None:
    for devid in (10, 9, 1):
        put(tree, devid)
    for name in (".node.2.0011223344556677", "node.3.bak", "node.04", "2", "2.json", "README"):
        Path(tree.reports, name).write_bytes(rendered(2))
    assert [one.devid for one in inbox.read()] == [1, 9, 10]


def test_it_is_the_very_same_answer_while_nothing_changes(tree: Tree, inbox: Inbox, clock: Clock) -> None:
    put(tree, 1)
    put(tree, 2)
    first = inbox.read()
    clock.now += GRAIN_SECONDS + 1
    assert inbox.read() is first
    put(tree, 2)  # rewritten, and says the same
    assert inbox.read() is first
    put(tree, 2, host=7)
    second = inbox.read()
    assert second[0] is first[0]
    assert second[1] != first[1]
    os.unlink(tree.report(1))
    assert [one.devid for one in inbox.read()] == [2]
    put(tree, 1)
    assert [one.devid for one in inbox.read()] == [1, 2]


def test_what_did_not_change_is_not_opened_again(tree: Tree, inbox: Inbox, clock: Clock) -> None:
    put(tree, 1)
    path = tree.report(1)
    first = inbox.read()
    clock.now += GRAIN_SECONDS + 1
    inbox.read()
    status = os.stat(path)
    Path(path).write_bytes(rendered(1, host=2))  # of the same length, and by its stamp the old one
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert inbox.read() is first


def test_a_second_change_within_a_clocks_grain_is_seen(tree: Tree, inbox: Inbox, clock: Clock) -> None:
    """On MooseFS, whose times are whole seconds, a file may change and keep its stamp."""
    put(tree, 1, host=1)
    path = tree.report(1)
    first = inbox.read()
    status = os.stat(path)
    Path(path).write_bytes(rendered(1, host=2))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    clock.now += 1.0
    assert inbox.read() != first


def test_a_report_that_was_waited_for_is_trusted_no_sooner_than_another(tree: Tree, clock: Clock) -> None:
    """How long it was empty says nothing of how old its stamp is."""
    path = Path(tree.report(1))
    path.touch()

    def fill() -> None:
        clock.now = GRAIN_SECONDS + 0.2
        path.write_bytes(rendered(1, host=1))

    inbox = Inbox(tree, clock, patience=2.0)
    filled = Timer(0.05, fill)
    filled.start()
    first = inbox.read()
    filled.join()
    assert [code(one) for one in first] == [""]
    clock.now += 0.1
    assert inbox.read() is first
    status = os.stat(path)
    path.write_bytes(rendered(1, host=2))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert inbox.read() != first


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"garbage", "report_broken"),
        (b'{"schema": 2}', "report_newer"),
        (rendered(2), "report_foreign"),
        (rendered(1)[:-20], "report_broken"),
        (b"", "report_unknown"),
        (b" " * (node_report.MAX + 1), "report_unreadable"),
    ],
)
def test_a_bad_report_is_a_finding_and_spoils_no_other(
    tree: Tree, inbox: Inbox, data: bytes, expected: str
) -> None:
    put(tree, 3)
    Path(tree.report(1)).write_bytes(data)
    for _ in range(2):
        bad, good = inbox.read()
        assert code(bad) == expected
        assert isinstance(good, Report)
    put(tree, 1)
    assert isinstance(inbox.read()[0], Report)


@pytest.mark.timeout(5)
@pytest.mark.parametrize("kind", ["fifo", "directory", "symlink", "dangling", "loop"])
def test_what_is_no_file_is_a_finding_that_stays_one_and_goes_with_it(
    tree: Tree, inbox: Inbox, clock: Clock, tmp_path: Path, kind: str
) -> None:
    path = Path(tree.report(1))
    put(tree, 2)
    (tmp_path / "other").write_bytes(rendered(1))
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to({"symlink": tmp_path / "other", "dangling": tmp_path / "none", "loop": path}[kind])
    first = inbox.read()
    assert [code(one) for one in first] == ["report_unreadable", ""]
    clock.now += 10
    assert inbox.read() is first
    if kind == "directory":
        path.rmdir()
    else:
        path.unlink()
    put(tree, 1)
    assert [code(one) for one in inbox.read()] == ["", ""]


def test_what_goes_before_it_is_read_may_be_there_again(tree: Tree) -> None:
    path = Path(tree.report(1))
    path.symlink_to("none")
    inbox = Inbox(tree, patience=0.0, go_on=lambda: path.unlink(missing_ok=True))
    assert [code(one) for one in inbox.read()] == ["report_unknown"]
    assert inbox.read() == ()


def test_a_file_that_stays_empty_costs_its_patience_once(tree: Tree) -> None:
    inbox = Inbox(tree, patience=1.0)
    Path(tree.report(1)).touch()
    Path(tree.report(2)).touch()
    clock = os.times
    before = clock().elapsed
    first = inbox.read()
    once = clock().elapsed - before
    assert [code(one) for one in first] == ["report_unknown"] * 2
    assert 0.95 <= once < 1.9  # once for both
    for _ in range(5):
        assert inbox.read() is first
    assert clock().elapsed - before < once + 0.9
    put(tree, 1)
    assert code(inbox.read()[0]) == ""


def test_what_is_no_directory_is_an_error_and_not_a_cluster_without_reports(tree: Tree, inbox: Inbox) -> None:
    os.rmdir(tree.reports)
    Path(tree.reports).touch()
    with pytest.raises(Unreadable, match="Not a directory"):
        inbox.read()
