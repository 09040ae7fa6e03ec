import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from isi_net.errors import Unwritable
from isi_net.store import atomic


def test_what_is_replaced_has_its_mode_whatever_the_umask(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "file"
    before = os.umask(0o077)
    try:
        atomic.replace(str(target), b"one")
    finally:
        os.umask(before)
    assert target.read_bytes() == b"one"
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert stat.S_IMODE(target.parent.stat().st_mode) == 0o755
    assert os.listdir(target.parent) == ["file"]


def test_who_has_the_old_file_open_keeps_reading_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "file"
    atomic.replace(str(target), b"old")
    with target.open("rb") as reader:
        atomic.replace(str(target), b"new")
        assert reader.read() == b"old"
    assert target.read_bytes() == b"new"


def test_a_staged_file_is_hidden_and_cannot_be_guessed(tmp_path: Path) -> None:
    one, two = (atomic.stage(str(tmp_path), "file", b"x") for _ in range(2))
    assert one != two
    assert os.path.basename(one).startswith(".file.")


@pytest.mark.parametrize("kind", ["symlink", "dangling", "directory", "fifo"])
def test_nothing_is_written_over_or_through_what_is_no_file(tmp_path: Path, kind: str) -> None:
    target, victim = tmp_path / "target", tmp_path / "victim"
    victim.write_bytes(b"mine")
    if kind == "directory":
        target.mkdir()
    elif kind == "fifo":
        os.mkfifo(target)
    else:
        target.symlink_to(victim if kind == "symlink" else tmp_path / "none")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(Unwritable, match=r"not a regular file.*take away"):
        atomic.replace(str(target), b"ours")
    assert victim.read_bytes() == b"mine"
    assert sorted(os.listdir(tmp_path)) == before


def test_a_file_on_the_way_to_the_target_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unwritable, match="not a directory"):
        atomic.replace(str(tmp_path / "file" / "below" / "x"), b"")


def test_publishing_what_was_taken_away_is_file_not_found_and_leaves_the_target(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    staged = atomic.stage(str(tmp_path), "x", b"new")
    os.unlink(staged)
    with pytest.raises(FileNotFoundError):
        atomic.publish(staged, str(target))
    assert target.read_bytes() == b"old"
    with pytest.raises(FileNotFoundError):
        atomic.stage(str(tmp_path / "none"), "x", b"")


def test_only_one_can_claim_a_name(tmp_path: Path) -> None:
    target = str(tmp_path / "target")
    staged = [atomic.stage(str(tmp_path), "x", bytes([number])) for number in range(8)]
    won: list[int] = []
    start = threading.Barrier(len(staged))

    def claim(number: int) -> None:
        start.wait()
        try:
            atomic.claim(staged[number], target)
            won.append(number)
        except FileExistsError:
            pass

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(len(staged))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Path(target).read_bytes() == bytes(won)


def test_claiming_again_what_one_has_claimed_is_a_win_whose_answer_was_lost(tmp_path: Path) -> None:
    staged = atomic.stage(str(tmp_path), "x", b"mine")
    atomic.claim(staged, str(tmp_path / "target"))
    atomic.claim(staged, str(tmp_path / "target"))
    with pytest.raises(FileExistsError):
        atomic.claim(atomic.stage(str(tmp_path), "x", b"mine"), str(tmp_path / "target"))


def test_removing_takes_directories_and_links_but_never_what_they_point_at(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    inside = tmp_path / "inside"
    (inside / "deep" / "deeper").mkdir(parents=True)
    (inside / "deep" / "file").touch()
    (inside / "link").symlink_to(outside)
    atomic.remove(str(inside))
    atomic.remove(str(inside))  # one that is not there is well removed
    assert os.listdir(tmp_path) == ["outside"]
    assert os.listdir(outside) == ["kept"]


def test_a_directory_that_its_owner_still_fills_is_removed_all_the_same(tmp_path: Path) -> None:
    directory = tmp_path / "7"
    directory.mkdir()
    stopped: list[str] = []

    def fill() -> None:
        try:
            while True:
                atomic.stage(str(directory), "x", b"")
        except FileNotFoundError:
            stopped.append("fenced")

    filling = threading.Thread(target=fill)
    filling.start()
    while len(os.listdir(directory)) < 5:
        pass
    try:
        for _ in range(100):  # a real holder stages one file, and then looks at its lock
            try:
                atomic.remove(str(directory))
                break
            except Unwritable as error:
                assert "not empty" in str(error)
    finally:
        atomic.remove(str(directory))
        filling.join()
    assert stopped == ["fenced"]


def test_a_new_directory_is_made_by_one_only(tmp_path: Path) -> None:
    atomic.make_new_directory(str(tmp_path / "new"))
    with pytest.raises(FileExistsError):
        atomic.make_new_directory(str(tmp_path / "new"))
    with pytest.raises(Unwritable, match="vanished"):
        atomic.make_new_directory(str(tmp_path / "none" / "new"))


@pytest.mark.parametrize(
    ("number", "todo"), [(errno.ENOSPC, "make room"), (errno.EROFS, "remount"), (errno.EACCES, "run as root")]
)
def test_an_error_says_what_to_do(number: int, todo: str) -> None:
    error = atomic.explain(OSError(number, os.strerror(number)), "/ifs/x")
    assert os.strerror(number) in str(error)
    assert todo in error.todo
