"""The daemon's log: its shape, what is said once, and where a line goes that cannot be written."""

import os
from pathlib import Path

import pytest

from isi_net.daemon.log import Log, line
from isi_net.model.finding import Finding
from isi_net.model.network import Node

NODE = Node(4, 4, "GLaDOS-4")
THEN = 1770481580.946863
SHAPE = "2026-02-07T16:26:20.946863+00:00 <3.{}> GLaDOS-4(id4) isi_smartconnect_d[3626]: {}\n"

OLD = Finding("node 3", "report_old", "warning", "its last report is old", "start it")
BROKEN = Finding("node 5", "report_broken", "error", "not JSON")


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(str(tmp_path / "var/log/isi_smartconnect"), NODE, 3626, lambda: THEN)


def said(log_directory: Path) -> str:
    return (log_directory / "var/log/isi_smartconnect").read_text()


@pytest.mark.parametrize(("severity", "number"), [("info", 6), ("warning", 4), ("error", 3)])
def test_a_line_has_the_shape_of_onefs(severity: str, number: int) -> None:
    assert line(THEN, severity, NODE, 3626, "it is so") == SHAPE.format(number, "it is so")  # type: ignore[arg-type]


def test_what_came_from_the_network_makes_no_second_line(log: Log, tmp_path: Path) -> None:
    log.write("host \n2026-01-01 <3.6> \x1b[2J\udcff")
    assert said(tmp_path) == SHAPE.format(6, r"host \n2026-01-01 <3.6> \x1b[2J\udcff")


def test_a_sentence_is_not_repeated(log: Log, tmp_path: Path) -> None:
    for text in ("one", "one", "two", "one"):
        log.sentence("IPMerger", text)
    log.sentence("IPReporter", "one")
    lines = [one.partition("]: ")[2] for one in said(tmp_path).splitlines()]
    assert lines == ["IPMerger: one", "IPMerger: two", "IPMerger: one", "IPReporter: one"]


def test_a_finding_is_logged_when_it_comes_and_when_it_goes(log: Log, tmp_path: Path) -> None:
    for found in ([OLD], [OLD], [BROKEN, OLD, OLD], [BROKEN], []):
        log.findings(found)
    assert said(tmp_path) == (
        SHAPE.format(4, "node 3: its last report is old; start it [report_old]")
        + SHAPE.format(3, "node 5: not JSON [report_broken]")
        + SHAPE.format(6, "node 3: no more: its last report is old [report_old]")
        + SHAPE.format(6, "node 5: no more: not JSON [report_broken]")
    )


def test_a_finding_whose_words_change_is_not_gone(log: Log, tmp_path: Path) -> None:
    log.findings([BROKEN])
    log.findings([Finding("node 5", "report_broken", "error", "not UTF-8")])
    assert "no more" not in said(tmp_path)
    assert "not UTF-8" in said(tmp_path)


def test_a_log_that_was_moved_is_opened_again(log: Log, tmp_path: Path) -> None:
    log.write("first")
    path = tmp_path / "var/log/isi_smartconnect"
    path.rename(f"{path}.1")
    log.write("second")
    log.open()
    log.write("third")
    assert Path(f"{path}.1").read_text().count("\n") == 2
    assert path.read_text() == SHAPE.format(6, "third")


def test_what_a_full_disk_refuses_goes_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    log = Log("/dev/full", NODE, 3626, lambda: THEN)
    log.open()
    log.write("first")
    log.write("second")
    assert capfd.readouterr().err == (
        "Error: cannot write the log, /dev/full: No space left on device; it goes to stderr\n"
        + SHAPE.format(6, "first")
        + SHAPE.format(6, "second")
    )


def test_a_log_is_never_written_through_a_symbolic_link(
    log: Log, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    path = tmp_path / "var/log/isi_smartconnect"
    path.parent.mkdir(parents=True)
    path.symlink_to(victim)
    log.open()
    log.write("line")
    assert victim.read_text() == "mine"
    assert SHAPE.format(6, "line") in capfd.readouterr().err
    path.unlink()
    log.write("another")
    assert said(tmp_path) == SHAPE.format(6, "another")


def test_a_fifo_that_nobody_reads_holds_nobody(
    log: Log, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "var/log/isi_smartconnect"
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    log.open()
    log.write("line")
    assert SHAPE.format(6, "line") in capfd.readouterr().err


def test_stderr_that_cannot_be_written_either_ends_nobody(log: Log, tmp_path: Path) -> None:
    (tmp_path / "var").touch()
    read, write = os.pipe()
    os.close(read)
    kept = os.dup(2)
    os.dup2(write, 2)
    try:
        log.open()
        log.write("line")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(write)
