import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from isi_net.errors import LockLost, Unreadable, Unwritable
from isi_net.store.lock import FileLock, is_held


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "workers" / "ip_merger")


@pytest.fixture
def held(path: str) -> Iterator[FileLock]:
    lock = FileLock(path)
    lock.open()
    assert lock.try_now()
    yield lock
    lock.close()


def test_one_holds_and_another_does_not(path: str, held: FileLock) -> None:
    other = FileLock(path)
    other.open()
    assert not other.try_now()
    assert held.try_now()
    held.check()
    held.close()
    assert other.try_now()
    other.close()


def test_nobody_else_can_open_it_and_so_keep_the_lock(path: str, held: FileLock) -> None:
    """Whoever can read a file can lock it; one that an earlier release left is shut as well."""
    assert os.stat(path).st_mode & 0o777 == 0o600
    os.chmod(path, 0o644)
    other = FileLock(path)
    other.open()
    other.close()
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_who_has_not_opened_it_does_not_hold_it(path: str) -> None:
    assert not FileLock(path).try_now()


def test_a_reader_sees_whether_it_is_held_and_takes_nothing(path: str, held: FileLock) -> None:
    assert is_held(path)
    held.check()
    held.close()
    assert not is_held(path)
    os.unlink(path)
    assert not is_held(path)
    os.symlink("elsewhere", path)
    with pytest.raises(Unreadable, match="symbolic link"):
        is_held(path)


def test_the_file_stays_and_says_for_people_who_signed_last(path: str, held: FileLock) -> None:
    held.sign("123456")
    held.sign("4")
    held.close()
    assert Path(path).read_text() == "4\n"


def test_a_lock_whose_file_was_replaced_is_lost(path: str, held: FileLock) -> None:
    os.rename(path, path + ".old")
    assert not held.at_its_path()
    with pytest.raises(LockLost, match="deleted or replaced"):
        held.check()
    Path(path).touch()
    with pytest.raises(LockLost, match="deleted or replaced"):
        held.check()
    os.rename(path + ".old", path)
    held.check()


def test_a_lock_that_cannot_be_asked_for_is_lost_and_its_place_can_be_opened_again(path: str) -> None:
    """A descriptor whose connection was lost gives EBADF for ever; here it is closed behind its back."""
    lock = FileLock(path)
    lock.open()
    assert lock.try_now()
    os.close(max(int(name) for name in os.listdir("/proc/self/fd") if _is_at(name, path)))
    with pytest.raises(LockLost):
        lock.check()
    lock.close()
    lock.open()
    assert lock.try_now()
    lock.close()


def _is_at(descriptor: str, path: str) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}") == path
    except FileNotFoundError:
        return False


def test_who_waits_in_the_kernel_is_told_within_milliseconds(path: str, held: FileLock) -> None:
    waiting = FileLock(path)
    waiting.open()
    granted = threading.Event()
    waiting.wait(granted.set)
    assert not granted.wait(0.1)
    assert not waiting.try_now()
    held.close()
    assert granted.wait(5)
    assert waiting.try_now()
    other = FileLock(path)
    other.open()
    assert not other.try_now()
    waiting.close()
    assert other.try_now()
    other.close()


def test_who_left_the_line_is_told_nothing_and_holds_nothing(path: str, held: FileLock) -> None:
    """The number of the closed descriptor goes to another file, which the waiting thread must not lock."""
    leaving = FileLock(path)
    leaving.open()
    granted = threading.Event()
    leaving.wait(granted.set)
    leaving.close()
    with open(path + ".other", "w", encoding="ascii"):  # takes the number
        held.close()
        assert not granted.wait(0.2)
    other = FileLock(path)
    other.open()
    until = time.monotonic() + 5
    while not other.try_now():  # the thread that left may hold it for the moment it takes to close
        assert time.monotonic() < until
    other.close()


def test_trying_and_waiting_on_one_descriptor_hold_it_once(path: str, held: FileLock) -> None:
    both = FileLock(path)
    both.open()
    granted = threading.Event()
    both.wait(granted.set)
    held.close()
    until = time.monotonic() + 5
    while not both.try_now():
        assert time.monotonic() < until
    assert granted.wait(5)
    both.check()
    both.close()
    assert not is_held(path)


@pytest.mark.parametrize("kind", ["directory", "fifo", "symlink"])
def test_what_is_no_file_is_never_locked(path: str, kind: str) -> None:
    os.mkdir(os.path.dirname(path))
    if kind == "directory":
        os.mkdir(path)
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        os.symlink(path + ".target", path)
    lock = FileLock(path)
    with pytest.raises(Unwritable, match="take"):
        lock.open()
    assert not lock.try_now()
    assert not os.path.exists(path + ".target")
