import contextlib
import errno
import gc
import os
import socket
import threading
from pathlib import Path

import pytest

from isi_net.errors import Unknown, Unreadable
from isi_net.store.read import GRAIN_SECONDS, Sighting, Stamp, explain, names, read, read_seen


def test_a_file_is_read_with_the_stamp_of_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    data, stamp = read(str(path), 5)
    assert data == b"12345"
    assert stamp == Stamp.of(path.stat())
    assert stamp.size == 5


def test_a_file_larger_than_its_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"123456")
    with pytest.raises(Unreadable, match="larger than 5 bytes"):
        read(str(tmp_path / "file"), 5)


@pytest.mark.skipif(not os.path.exists("/proc/self/io"), reason="system calls are counted by Linux only")
def test_a_file_that_says_it_is_empty_is_not_read_byte_by_byte() -> None:
    """A size may be stale, on a cluster file system; in /proc it always is 0."""

    def calls() -> int:
        counted = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
        return int(counted["syscr"])

    before = calls()
    data, stamp = read("/proc/self/smaps", 1 << 24)
    after = calls()
    assert stamp.size == 0
    assert len(data) > 1 << 14
    assert after - before <= 10 + len(data) / 1000  # /proc gives about a page at a time


@pytest.mark.timeout(5)
@pytest.mark.parametrize("kind", ["fifo", "directory", "socket", "missing", "loop"])
def test_what_is_no_file_is_unreadable_and_holds_nobody_up(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    with socket.socket(socket.AF_UNIX) as listening:
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "directory":
            path.mkdir()
        elif kind == "loop":
            path.symlink_to(path)
        elif kind == "socket":
            directory = os.open(tmp_path, os.O_RDONLY)  # the name of a socket must be short
            listening.bind(f"/proc/self/fd/{directory}/x")
            os.close(directory)
        with pytest.raises(Unreadable) as caught:
            read(str(path), 100)
    assert not isinstance(caught.value, Unknown)
    assert caught.value.todo


def test_stale_is_unknown_and_not_the_same_as_gone() -> None:
    assert type(explain(OSError(errno.ESTALE, "Stale file handle"), "x")) is Unknown
    assert type(explain(OSError(errno.ENOENT, "No such file"), "x")) is Unreadable


def test_a_name_just_seen_that_stays_empty_or_gone_is_unknown(tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    with pytest.raises(Unknown, match="No such file"):
        read_seen(path, 100, patience=0.03)
    Path(path).touch()
    with pytest.raises(Unknown, match="empty"):
        read_seen(path, 100, patience=0.03)


def test_a_name_just_seen_is_opened_again_until_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    later = threading.Timer(0.1, path.write_bytes, (b"here",))
    later.start()
    assert read_seen(str(path), 100)[0] == b"here"
    later.join()


def test_patience_is_not_for_what_will_not_change_by_waiting(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="not a regular file"):
        read_seen(str(tmp_path), 100, patience=60)


def test_names_are_sorted_and_none_where_there_is_no_directory(tmp_path: Path) -> None:
    for name in ("b", "a", ".c"):
        (tmp_path / name).touch()
    assert names(str(tmp_path)) == [".c", "a", "b"]
    assert names(str(tmp_path / "none")) == []
    with pytest.raises(Unreadable, match="Not a directory"):
        names(str(tmp_path / "a"))


def test_a_name_is_looked_up_in_the_directory_that_is_open_wherever_that_is_now(tmp_path: Path) -> None:
    path = tmp_path / "here" / "file"
    path.parent.mkdir()
    path.write_bytes(b"some")
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.rename(path.parent, tmp_path / "there")
        assert read(str(path), 10, descriptor)[0] == b"some"
        with pytest.raises(Unreadable, match="here/other"):
            read(str(path.with_name("other")), 10, descriptor)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("kind", ["empty", "missing", "loop"])
def test_what_cannot_be_read_leaves_no_ring_of_garbage(tmp_path: Path, kind: str) -> None:
    """Which would hold all that its callers knew: of a merger, every report."""
    path = tmp_path / "file"
    if kind == "empty":
        path.touch()
    elif kind == "loop":
        path.symlink_to(path)
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(Unreadable):
            read_seen(str(path), 10, 0.0)
        assert gc.collect() == 0
    finally:
        gc.enable()


STAMP, OTHER = Stamp(1, 2, 3, 4), Stamp(1, 2, 3, 5)


def test_a_stamp_is_trusted_when_it_was_read_twice_later_than_any_clocks_grain() -> None:
    first = Sighting(STAMP, 0.0)
    assert not first.sure
    second = first.and_again(STAMP, GRAIN_SECONDS / 2, GRAIN_SECONDS + 0.1)
    assert not second.sure
    third = second.and_again(STAMP, GRAIN_SECONDS + 0.1, 9.0)  # since the first time, not the second
    assert third.sure
    assert third.and_again(STAMP, 9.1, 9.2).sure


def test_a_new_stamp_begins_anew() -> None:
    sure = Sighting(STAMP, 0.0).and_again(STAMP, 10.0, 10.1)
    assert sure.and_again(OTHER, 20.0, 21.0) == Sighting(OTHER, 21.0)
