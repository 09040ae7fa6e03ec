"""A fault of the file system is an error of ours and nothing else, spoils nothing, and passes with its cause.

ESTALE, EIO and a call that hangs cannot be had from a local file system; the real ones are in
the end-to-end tests on a cluster file system.
"""

import contextlib
import errno
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from needs import missing, need
from small_cluster import (
    in_a_process_that_dies,
    lease,
    new_merger,
    node,
    report,
    reporter,
    settle,
    settled,
    whole,
)

from isi_net.errors import Error, NewerSchema, Unreadable, Unwritable
from isi_net.flexnet import published
from isi_net.formats import node_report, tenure
from isi_net.merger.merger import Merger
from isi_net.model.report import Report, UnreadReport
from isi_net.reporter.inbox import Inbox
from isi_net.store import revisions, staging
from isi_net.store.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Two nodes that have reported."""
    tree = Tree(str(tmp_path / "cluster"))
    report(tree, 1, 11)
    report(tree, 2, 12)
    return tree


@pytest.fixture
def merger(tree: Tree) -> Iterator[Merger]:
    """Node 1's, in office, everything settled."""
    merger = new_merger(tree, 1)
    settle(merger)
    yield merger
    with contextlib.suppress(Error):
        merger.role.give_back("released", rest=False)


def term_of(merger: Merger) -> int:
    assert merger.role.tenure is not None
    return merger.role.tenure.term


def recovers(tree: Tree, merger: Merger) -> None:
    """Once the fault is gone, what is reported now is published, without anybody's help."""
    report(tree, 2, 99)
    settle(merger)
    configuration = settled(tree, time.time(), term_of(merger))
    assert "10.20.30.99" in str([pool.assignments for _, pool in configuration.pools()])


def as_nobody(work: Callable[[], object]) -> str:
    """The error that `work` raises for a user who is not root; empty when there was none."""
    if os.getuid():
        return _error_of(work)
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgid(65534)
            os.setuid(65534)
            os.write(write, _error_of(work).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        said = told.read()
    os.waitpid(child, 0)
    return said


def _error_of(work: Callable[[], object]) -> str:
    try:
        work()
    except Error as error:
        return f"{type(error).__name__}: {error}"
    except Exception as surprise:  # noqa: BLE001 - that there is none is what is tested
        return f"unexpected: {surprise!r}"
    return ""


# The lock file.


def test_a_holder_whose_lock_file_is_deleted_gives_up_and_takes_the_role_anew(
    tree: Tree, merger: Merger
) -> None:
    os.unlink(tree.merger_lock)
    turn = merger.turn()
    assert "deleted or replaced" in turn.sentence
    assert turn.again
    recovers(tree, merger)
    assert term_of(merger) == 2
    first = tenure.parse(Path(tree.tenure(1)).read_bytes())
    assert first.ended == "lock lost"


def test_a_holder_whose_lock_file_is_replaced_by_another_gives_up(tree: Tree, merger: Merger) -> None:
    Path(tree.merger_lock + ".new").write_text("7\n")
    os.rename(tree.merger_lock + ".new", tree.merger_lock)
    assert "deleted or replaced" in merger.turn().sentence
    recovers(tree, merger)


@pytest.mark.parametrize("kind", ["directory", "symlink", "fifo"])
def test_what_lies_in_the_place_of_the_lock_file_is_named_and_never_followed(
    tree: Tree, merger: Merger, tmp_path: Path, kind: str
) -> None:
    os.unlink(tree.merger_lock)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    if kind == "directory":
        os.mkdir(tree.merger_lock)
    elif kind == "symlink":
        os.symlink(victim, tree.merger_lock)
    else:
        os.mkfifo(tree.merger_lock)
    assert "Lost ownership" in merger.turn().sentence
    for _ in range(3):
        with pytest.raises(Unwritable, match="ip_merger") as caught:
            merger.turn()
        assert "take" in caught.value.todo
    assert victim.read_text() == "mine"
    if kind == "directory":
        os.rmdir(tree.merger_lock)
    else:
        os.unlink(tree.merger_lock)
    recovers(tree, merger)


def test_one_who_waits_follows_the_lock_file_to_its_path(tree: Tree, merger: Merger) -> None:
    waiting = new_merger(tree, 2)
    assert "standing in line" in waiting.turn().sentence
    os.unlink(tree.merger_lock)
    assert "revision 1" in waiting.turn().sentence
    assert "Lost ownership" in merger.turn().sentence
    assert "standing in line" in merger.turn().sentence
    assert term_of(waiting) == 2
    waiting.role.give_back("released")
    recovers(tree, merger)


# The fence.


def test_a_holder_whose_staging_directory_is_gone_publishes_nothing(tree: Tree, merger: Merger) -> None:
    report(tree, 2, 98)
    shutil.rmtree(merger.role.staging)
    assert "a newer holder has taken over" in merger.turn().sentence
    assert published.load(tree).revision == 1
    assert tenure.parse(Path(tree.tenure(1)).read_bytes()).ended == "fenced"
    recovers(tree, merger)


def test_a_holder_past_its_deadline_publishes_nothing(tree: Tree) -> None:
    ticks = [100.0]
    merger = new_merger(tree, 1, ticking=lambda: ticks[0])
    settle(merger)
    report(tree, 2, 98)
    ticks[0] += 10.5
    turn = merger.turn()
    assert "10.5 s passed" in turn.sentence
    assert published.load(tree).revision == 1
    assert settle(merger).sentence.startswith("revision 2")
    merger.role.give_back("released")


def test_a_turn_that_grows_late_after_its_last_look_at_the_lock_ends_the_tenure(tree: Tree) -> None:
    still_good: list[float] = []
    now = [100.0]
    merger = new_merger(tree, 1, ticking=lambda: still_good.pop() if still_good else now[0])
    settle(merger)
    still_good.append(100.5)  # at the look with which a turn begins; then a call hangs
    now[0] = 115.0
    assert "deadline" in merger.turn().sentence
    assert tenure.parse(Path(tree.tenure(1)).read_bytes()).ended == "deadline"
    merger.role.give_back("released")


# The clock.


def test_a_clock_that_is_set_back_an_hour_stops_neither_part(tree: Tree) -> None:
    now = [time.time()]
    merger = new_merger(tree, 1, clock=lambda: now[0])
    settle(merger)
    now[0] -= 3600
    settle(merger)
    one = reporter(tree, 1, lambda: now[0])
    assert one.turn({"ext-1": lease(11)}, ()).reported_at == int(now[0])
    later = reporter(tree, 2, lambda: now[0])
    later.turn({"ext-1": lease(99)}, ())
    settle(merger)
    configuration = settled(tree, now[0], 1)
    assert configuration.published == int(now[0])
    merger.role.give_back("released")


# The reports.


def test_the_directory_of_the_reports_may_vanish_and_come_back(tree: Tree, merger: Merger) -> None:
    before = whole(tree)
    ours = reporter(tree, 1)
    ours.turn({"ext-1": lease(11)}, ())
    shutil.rmtree(tree.reports)
    turn = settle(merger)
    assert {finding.code for finding in turn.findings} == {"report_missing"}
    assert whole(tree) == before
    # The lease file cannot be read just now either: what was reported of it is not forgotten.
    assert [one.address for one in ours.turn({"ext-1": None}, ()).addresses] == [lease(11).address]
    recovers(tree, merger)


def test_a_file_in_the_place_of_the_reports_is_an_error_of_ours_and_takes_nothing_away(
    tree: Tree, merger: Merger
) -> None:
    before = whole(tree)
    shutil.rmtree(tree.reports)
    Path(tree.reports).write_text("in the way")
    with pytest.raises(Unreadable, match="ip_reports"):
        merger.turn()
    with pytest.raises(Unreadable, match="Not a directory"):
        report(tree, 1, 11)
    assert published.load(tree) == before
    os.unlink(tree.reports)
    report(tree, 1, 11)
    recovers(tree, merger)


@pytest.mark.parametrize("kind", ["symlink", "dangling", "loop", "directory", "fifo"])
def test_a_reporter_never_writes_through_what_is_not_a_file(tree: Tree, tmp_path: Path, kind: str) -> None:
    path, victim = tree.report(1), tmp_path / "victim"
    victim.write_bytes(node_report.render(report(tree, 1, 11)))
    mine = victim.read_bytes()
    os.unlink(path)
    if kind == "directory":
        os.mkdir(path)
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        os.symlink({"symlink": str(victim), "dangling": str(tmp_path / "none"), "loop": path}[kind], path)
    ours = reporter(tree, 1)
    for _ in range(2):
        with pytest.raises(Unwritable, match="not a regular file"):
            ours.turn({"ext-1": lease(11)}, ())
    assert victim.read_bytes() == mine
    assert not (tmp_path / "none").exists()
    assert [name for name in os.listdir(tree.reports) if name.startswith(".")] == []
    if kind == "directory":
        os.rmdir(path)
    else:
        os.unlink(path)
    ours.turn({"ext-1": lease(11)}, ())
    assert os.path.isfile(path)


# Who may write.


@pytest.fixture
def open_tree() -> Iterator[Tree]:
    """As `tree`, where every user comes."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        tree = Tree(directory)
        report(tree, 1, 11)
        report(tree, 2, 12)
        yield tree


def test_a_user_who_may_not_write_gets_an_error_that_says_so_and_the_others_go_on(open_tree: Tree) -> None:
    merger = new_merger(open_tree, 1)
    settle(merger)
    places = [directory for directory, _, _ in os.walk(open_tree.root)]
    for directory in places:
        os.chmod(directory, 0o555)
    try:
        told = as_nobody(lambda: report(open_tree, 1, 77))
        assert told.startswith("Unwritable: cannot write: Permission denied"), told
        assert told.endswith("run as root, or let this user write there")
        told = as_nobody(lambda: new_merger(open_tree, 2).turn())
        assert told.startswith("Unwritable: cannot write: Permission denied"), told
        os.chmod(open_tree.reports, 0o000)
        told = as_nobody(lambda: Inbox(open_tree).read())
        assert told.startswith("Unreadable: cannot read: Permission denied"), told
    finally:
        for directory in places:
            os.chmod(directory, 0o755)
    recovers(open_tree, merger)
    merger.role.give_back("released")


def test_a_report_that_may_not_be_read_is_read_again_when_it_may(open_tree: Tree) -> None:
    """Its stamp does not change with its mode: what could not be read must never count as read."""
    path = open_tree.report(1)
    if not os.getuid():
        os.chown(path, 65534, 65534)

    def work() -> None:
        now = [0.0]
        inbox = Inbox(open_tree, lambda: now[0])
        os.chmod(path, 0)
        for _ in range(3):
            assert isinstance(inbox.read()[0], UnreadReport)
            now[0] += 10
        os.chmod(path, 0o644)
        assert isinstance(inbox.read()[0], Report)

    assert as_nobody(work) == ""


def test_a_revision_that_cannot_be_taken_away_keeps_no_other(open_tree: Tree) -> None:
    """Nor does it keep the next from being published."""

    tree = Tree(os.path.join(open_tree.root, "anew"))
    os.mkdir(tree.root)
    if not os.getuid():
        os.chown(tree.root, 65534, 65534)

    def work() -> None:
        held = os.path.join(tree.revision(1), "held")
        os.makedirs(held)
        Path(held, "file").touch()
        os.chmod(held, 0o555)
        directory = staging.enter(tree, 99)
        for number in range(2, revisions.KEPT + 10):
            revisions.publish(tree, directory, number - 1, number, b"<some>")
        assert revisions.numbers(tree) == [1, *range(10, revisions.KEPT + 10)]
        os.chmod(held, 0o755)
        revisions.publish(tree, directory, number, number + 1, b"<some>")
        assert revisions.numbers(tree) == [*range(11, revisions.KEPT + 11)]

    assert as_nobody(work) == ""


def test_one_who_cannot_take_office_leaves_the_lock_to_one_who_can(tree: Tree) -> None:
    """As in a rolling upgrade: the old release cannot read what the new one wrote."""
    os.makedirs(tree.revisions)
    Path(tree.revision(7)).write_bytes(b'<flx_config schema="3" revision="7"/>')
    old = new_merger(tree, 1)
    for _ in range(3):
        with pytest.raises(NewerSchema, match="schema 3 is newer"):
            old.turn()
    os.unlink(tree.revision(7))  # now it is one that this release can read
    other = new_merger(tree, 2)
    assert settle(other).sentence.startswith("revision 1")
    assert "standing in line" in old.turn().sentence
    other.role.give_back("released")


# A real file system of its own: full, and read-only.


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 1 MiB."""
    need(missing({"mount": "mount"}, root_for="mounting a file system"))
    where = tmp_path / "disk"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "tmpfs", where], check=True)
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", where], check=True)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC


def _remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", disk], check=True)


@pytest.mark.slow
def test_a_full_disk_costs_nothing_that_was_written_and_all_goes_on_when_there_is_room(disk: Path) -> None:
    tree = Tree(str(disk))
    report(tree, 1, 11)
    report(tree, 2, 12)
    ours, merger = reporter(tree, 1), new_merger(tree, 1)
    settle(merger)
    report(tree, 2, 13)
    before = whole(tree)
    _fill(disk / "ballast")
    for _ in range(3):
        with pytest.raises(Unwritable, match=r"No space left.*make room"):
            ours.turn({"ext-1": lease(21)}, ())
        with pytest.raises(Unwritable, match=r"No space left.*make room"):
            merger.turn()
    assert whole(tree) == before
    assert [name for name in os.listdir(tree.reports) if name.startswith(".")] == []
    assert os.listdir(merger.role.staging) == []
    # One who wants to take office now cannot, and does not keep the lock.
    merger.role.give_back("released")
    other = new_merger(tree, 2)
    for _ in range(3):
        with pytest.raises(Unwritable, match="No space left"):
            other.turn()
    (disk / "ballast").unlink()
    ours.turn({"ext-1": lease(21)}, ())
    recovers(tree, other)
    other.role.give_back("released")


@pytest.mark.slow
def test_a_disk_that_fills_at_any_byte_costs_nothing_that_was_written(disk: Path) -> None:
    """From no free page to plenty of them: each step of publishing meets the full disk once."""
    tree = Tree(str(disk))
    report(tree, 1, 11)
    report(tree, 2, 12)
    merger = new_merger(tree, 1)
    settle(merger)
    old, met = whole(tree), 0
    for pages in range(40):
        _fill(disk / "ballast")
        size = (disk / "ballast").stat().st_size
        report_at = 100 + pages
        os.truncate(disk / "ballast", max(0, size - 4096 * pages))
        try:
            report(tree, 2, report_at)
            settle(merger)
        except Unwritable as error:
            assert "No space left" in str(error)
            met += 1
        found = whole(tree)
        assert found.revision in {old.revision, old.revision + 1}
        old = found
    assert 0 < met < 40
    (disk / "ballast").unlink()
    recovers(tree, merger)
    print(f"{met} of 40 turns met a full disk")
    merger.role.give_back("released")


@pytest.mark.slow
def test_a_read_only_disk_is_an_error_that_says_so_and_passes(disk: Path) -> None:
    tree = Tree(str(disk))
    report(tree, 1, 11)
    report(tree, 2, 12)
    ours, merger = reporter(tree, 1), new_merger(tree, 1)
    settle(merger)
    report(tree, 2, 13)
    merger.role.give_back("released", rest=False)  # an open file would keep the disk from being remounted
    before = whole(tree)
    _remount(disk, "ro")
    for _ in range(3):
        with pytest.raises(Unwritable, match=r"read-only.*remount"):
            ours.turn({"ext-1": lease(21)}, ())
        with pytest.raises(Unwritable, match=r"read-only.*remount"):
            merger.turn()
    assert whole(tree) == before
    _remount(disk, "rw")
    ours.turn({"ext-1": lease(21)}, ())
    recovers(tree, merger)
    merger.role.give_back("released")


@pytest.mark.slow
def test_a_holder_whose_file_system_is_taken_away_stops_and_takes_the_role_anew_when_it_is_back(
    disk: Path,
) -> None:
    tree = Tree(str(disk / "cluster"))
    report(tree, 1, 11)
    report(tree, 2, 12)
    merger = new_merger(tree, 1)
    settle(merger)
    before = whole(tree)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", disk], check=True)
    try:
        assert "Lost ownership" in merger.turn().sentence
        for _ in range(3):
            with pytest.raises(Unwritable, match="read-only"):
                merger.turn()
            with pytest.raises(Unwritable, match="read-only"):
                report(tree, 1, 11)
    finally:
        subprocess.run(["umount", disk], check=True)
    assert whole(tree) == before
    recovers(tree, merger)
    merger.role.give_back("released")


def test_who_died_with_the_lock_is_followed_within_one_turn(tree: Tree) -> None:
    in_a_process_that_dies(lambda: new_merger(tree, 1).turn())
    merger = new_merger(tree, 2)
    assert merger.turn().sentence.startswith("revision 1")
    assert merger.role.tenure is not None
    assert merger.role.tenure.node == node(2).name
    merger.role.give_back("released")
