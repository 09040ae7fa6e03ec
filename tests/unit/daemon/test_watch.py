"""What ends a wait, and what does not."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from needs import need

from isi_net.daemon.watch import GATHER_SECONDS, WakeUps

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")

LONG = 10.0


@pytest.fixture
def wake_ups() -> Iterator[WakeUps]:
    wake_ups = WakeUps()
    yield wake_ups
    wake_ups.close()


def waited(wake_ups: WakeUps, seconds: float = LONG) -> bool:
    """Whether the wait took its time: nothing ended it.  Whatever happened before is forgotten."""
    began = time.monotonic()
    wake_ups.wait(seconds)
    return time.monotonic() - began >= seconds


def quiet(wake_ups: WakeUps) -> None:
    """Forgets what has happened."""
    for _ in range(100):
        if waited(wake_ups, 0.01):
            return
    raise AssertionError("something happens all the time")


def test_a_wake_ends_the_wait_once(wake_ups: WakeUps) -> None:
    wake_ups.wake()
    wake_ups.wake()
    assert not waited(wake_ups)
    assert waited(wake_ups, 0.01)


def test_another_thread_may_wake(wake_ups: WakeUps) -> None:
    timer = threading.Timer(0.02, wake_ups.wake)
    timer.start()
    assert not waited(wake_ups)
    timer.join()


def test_more_wakes_than_a_pipe_holds_harm_nobody(wake_ups: WakeUps) -> None:
    for _ in range(70_000):
        wake_ups.wake()
    quiet(wake_ups)


def test_a_wake_after_the_end_is_written_nowhere(tmp_path: Path) -> None:
    """The descriptor's number is another file's by then."""
    wake_ups = WakeUps()
    number = wake_ups.signal_descriptor
    wake_ups.close()
    with open(tmp_path / "victim", "wb") as victim:
        os.dup2(victim.fileno(), number)
        wake_ups.wake()
        os.close(number)
    assert (tmp_path / "victim").read_bytes() == b""


def appended(path: Path) -> None:
    with path.open("a") as file:
        file.write("line\n")
        file.flush()


def replaced(path: Path) -> None:
    (path.parent.parent / "staged").write_text("new")
    os.rename(path.parent.parent / "staged", path)


@pytest.mark.parametrize("change", [appended, replaced, Path.unlink])
def test_a_file_that_changes_ends_the_wait(
    wake_ups: WakeUps, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    (tmp_path / "watched").mkdir()
    (tmp_path / "watched/file").touch()
    assert wake_ups.watch([str(tmp_path / "watched")]) == ""
    assert waited(wake_ups, 0.01)
    change(tmp_path / "watched/file")
    assert not waited(wake_ups)


def busy(path: Path, stop: threading.Event) -> threading.Thread:
    """Somebody who writes a file of no interest all the time."""

    def write() -> None:
        with path.open("wb", buffering=0) as file:
            while not stop.wait(0.001):
                file.write(b".")

    writer = threading.Thread(target=write)
    writer.start()
    return writer


def test_a_file_that_is_written_all_the_time_ends_no_more_than_50_waits_a_second(
    wake_ups: WakeUps, tmp_path: Path
) -> None:
    wake_ups.watch([str(tmp_path)])
    stop = threading.Event()
    writer = busy(tmp_path / "file", stop)
    waits, began = 25, time.monotonic()
    ended = [not waited(wake_ups) for _ in range(waits)]
    took = time.monotonic() - began
    stop.set()
    writer.join()
    assert all(ended)
    assert took >= (waits - 1) * GATHER_SECONDS


def test_the_first_change_after_a_quiet_time_ends_the_wait_at_once(wake_ups: WakeUps, tmp_path: Path) -> None:
    wake_ups.watch([str(tmp_path)])
    took = []
    for _ in range(5):
        quiet(wake_ups)
        time.sleep(GATHER_SECONDS)
        (tmp_path / "file").write_text("news")
        began = time.monotonic()
        assert not waited(wake_ups)
        took.append(time.monotonic() - began)
    assert min(took) < GATHER_SECONDS / 2


def test_a_wake_does_not_wait_as_files_that_change_do(wake_ups: WakeUps, tmp_path: Path) -> None:
    wake_ups.watch([str(tmp_path)])
    took = []
    for _ in range(5):
        quiet(wake_ups)  # a wait is over just now
        (tmp_path / "file").write_text("news")
        wake_ups.wake()
        began = time.monotonic()
        assert not waited(wake_ups)
        took.append(time.monotonic() - began)
    assert min(took) < GATHER_SECONDS / 2


def test_a_directory_may_come_later_go_and_come_again(wake_ups: WakeUps, tmp_path: Path) -> None:
    directory = tmp_path / "watched"
    for _ in range(3):
        assert wake_ups.watch([str(directory)]) == ""
        directory.mkdir()
        assert wake_ups.watch([str(directory)]) == ""
        quiet(wake_ups)
        (directory / "file").write_text("a line")
        assert not waited(wake_ups)
        (directory / "file").unlink()
        directory.rmdir()
        quiet(wake_ups)


def test_a_directory_that_was_moved_away_is_watched_no_more(wake_ups: WakeUps, tmp_path: Path) -> None:
    """What has its name now is."""
    directory = tmp_path / "watched"
    directory.mkdir()
    wake_ups.watch([str(directory)])
    directory.rename(tmp_path / "away")
    directory.mkdir()
    wake_ups.watch([str(directory)])
    quiet(wake_ups)
    (tmp_path / "away/file").touch()
    assert waited(wake_ups, 0.01)
    (directory / "file").touch()
    assert not waited(wake_ups)


def test_only_what_was_named_last_is_watched(wake_ups: WakeUps, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    wake_ups.watch([str(tmp_path / "one"), str(tmp_path / "two")])
    wake_ups.watch([str(tmp_path / "two")])
    quiet(wake_ups)
    (tmp_path / "one/file").touch()
    assert waited(wake_ups, 0.01)
    (tmp_path / "two/file").touch()
    assert not waited(wake_ups)


def test_more_changes_than_the_queue_holds_end_the_wait_all_the_same(
    wake_ups: WakeUps, tmp_path: Path
) -> None:
    """The kernel says that it has lost some; what they were, the next turn reads from the disk."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    need([f"a queue that can be filled (fs.inotify.max_queued_events: {limit})"] if limit > 500_000 else [])
    (tmp_path / "one").touch()
    (tmp_path / "two").touch()
    wake_ups.watch([str(tmp_path)])
    with (tmp_path / "one").open("wb", buffering=0) as one, (tmp_path / "two").open("wb", buffering=0) as two:
        for _ in range(limit // 2 + 1):
            one.write(b".")
            two.write(b".")
    assert not waited(wake_ups)
    quiet(wake_ups)
    (tmp_path / "one").unlink()
    assert not waited(wake_ups)


def test_a_directory_that_may_not_be_watched_is_no_error(wake_ups: WakeUps, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert wake_ups.watch([str(tmp_path / "loop")]).startswith("cannot watch files (")
    assert wake_ups.watch([str(tmp_path)]) == ""


# What is attended to.


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ours, theirs = os.pipe2(os.O_NONBLOCK)
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


@pytest.mark.timeout(20)
def test_what_is_attended_to_is_heard_during_a_wait_and_ends_none(
    wake_ups: WakeUps, pipe: tuple[int, int]
) -> None:
    heard: list[bytes] = []
    wake_ups.attend(pipe[0], lambda: heard.append(os.read(pipe[0], 4096)))
    timer = threading.Timer(0.05, os.write, (pipe[1], b"a"))
    timer.start()
    while not heard:  # it may be late
        assert waited(wake_ups, 0.2)
    timer.join()
    assert heard == [b"a"]


def test_who_talks_all_day_neither_ends_a_wait_nor_keeps_a_processor_busy(
    wake_ups: WakeUps, pipe: tuple[int, int]
) -> None:
    heard: list[float] = []
    os.write(pipe[1], b"it is never read")
    wake_ups.attend(pipe[0], lambda: heard.append(time.monotonic()))
    assert waited(wake_ups, 0.3)
    assert 1 <= len(heard) <= 0.3 / GATHER_SECONDS + 2


def test_a_wake_is_heard_beside_one_who_talks_all_day(wake_ups: WakeUps, pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"it is never read")
    wake_ups.attend(pipe[0], lambda: None)
    timer = threading.Timer(0.05, wake_ups.wake)
    timer.start()
    assert not waited(wake_ups)
    timer.join()


def test_who_is_neglected_is_heard_no_more(wake_ups: WakeUps, pipe: tuple[int, int]) -> None:
    heard: list[float] = []
    wake_ups.attend(pipe[0], lambda: heard.append(time.monotonic()))
    wake_ups.neglect(pipe[0])
    wake_ups.neglect(pipe[0])  # once more is no mistake
    os.write(pipe[1], b"a")
    assert waited(wake_ups, 0.05)
    assert heard == []
