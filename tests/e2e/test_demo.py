"""The demo, as a newcomer runs it: it tells its story, leaves nothing, and no daemon outlives it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from patience import eventually

DEMO = (sys.executable, "-m", "isi_net", "demo")
ADDRESSES = "10.20.30.11, 10.20.30.12, 10.20.30.13, 10.20.30.14"


def run(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DEMO, *options], capture_output=True, text=True, check=False, env=os.environ | environment
    )


@contextmanager
def playing(directory: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A demo that has just started its daemons, whose pids are given besides."""
    with subprocess.Popen(
        [*DEMO, "--dir", str(directory), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as demo:
        assert demo.stdout is not None
        pids: list[int] = []
        while len(pids) < 4:
            line = demo.stdout.readline()
            assert line, "the demo ended before it started its daemons"
            pids += map(int, re.findall(r"daemon is process (\d+)", line))
        try:
            yield demo, pids
        finally:
            demo.kill()


def command_of(pid: int | str) -> str:
    """The command line of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def processes_in(directory: Path) -> list[str]:
    """The command lines of all processes that name something in the directory."""
    commands = [command_of(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [command for command in commands if f"{directory}/" in command]


def test_the_story_is_told_to_its_end(tmp_path: Path) -> None:
    """Two log lines of two holders, a pool of AWS's four addresses, and nothing left behind."""
    done = run("--dir", str(tmp_path / "cluster"))
    assert (done.returncode, done.stderr) == (0, "")
    holders = re.findall(
        r"^   \S+ <3\.6> (GLaDOS-\d)\(id\d\) isi_smartconnect_d\[\d+\]: "
        r"Taking ownership of the IPMerger role$",
        done.stdout,
        re.M,
    )
    assert len(set(holders)) == len(holders) == 2
    assert "$ isi_net pools list" in done.stdout
    assert re.search(r"^   groupnet0\.subnet0\.pool0 .* externally_managed AWS$", done.stdout, re.M)
    assert "$ isi_net interfaces list --externally-managed" in done.stdout
    assert re.search(r"^   4 +ext-1 .* groupnet0\.subnet0\.pool0 10\.20\.30\.14$", done.stdout, re.M)
    assert f"Every address stayed: {ADDRESSES}" in done.stdout
    took_over = re.search(r"^   (\d+) ms later another node has taken over", done.stdout, re.M)
    assert took_over
    assert int(took_over[1]) < 5000
    assert "\x1b" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_directory_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    done = run("--dir", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: not an empty directory, {tmp_path}; name one that is empty, or none yet\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.slow
def test_an_empty_directory_of_the_persons_own_stays_and_is_empty_again(tmp_path: Path) -> None:
    assert run("--dir", str(tmp_path)).returncode == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_without_a_directory_a_temporary_one_is_made_and_removed(tmp_path: Path) -> None:
    done = run(TMPDIR=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{tmp_path}/isi_net-demo-" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_what_is_kept_answers_every_command_that_the_demo_names(tmp_path: Path) -> None:
    """Each line of the closing advice runs as it stands, but for the daemon, and finds the four addresses."""
    directory = tmp_path / "a cluster"
    done = run("--dir", str(directory), "--keep")
    assert (done.returncode, done.stderr) == (0, "")
    assert processes_in(directory) == []

    advice = done.stdout.partition("to look around:")[2].strip()
    assert advice.count("\n") == 5
    script = re.sub(r"^ +isi_net daemon.*", "", advice, flags=re.M)
    program = f'isi_net() {{ "{sys.executable}" -m isi_net "$@"; }}\n'
    looked = subprocess.run(["/bin/sh", "-ec", program + script], capture_output=True, text=True, check=False)
    assert (looked.returncode, looked.stderr) == (0, "")
    for address in ADDRESSES.split(", "):
        assert address in looked.stdout
    assert looked.stdout.count("Taking ownership of the IPMerger role") == 2


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_cleans_up(tmp_path: Path, number: signal.Signals) -> None:
    directory = tmp_path / "cluster"
    with playing(directory) as (demo, _):
        demo.send_signal(number)
        _, stderr = demo.communicate(timeout=10)
    assert demo.returncode == 130
    assert stderr.strip() == ""
    assert processes_in(directory) == []
    assert not directory.exists()


@pytest.mark.slow
def test_a_reader_who_goes_ends_it_quietly(tmp_path: Path) -> None:
    """As with `| head`: no complaint, no daemon, no directory."""
    directory = tmp_path / "cluster"
    with playing(directory) as (demo, _):
        assert demo.stdout is not None
        assert demo.stderr is not None
        demo.stdout.close()
        stderr = demo.stderr.read()
        demo.wait(timeout=10)
    assert (demo.returncode, stderr) == (-signal.SIGPIPE, "")
    assert processes_in(directory) == []
    assert not directory.exists()


@pytest.mark.slow
def test_no_daemon_outlives_a_demo_that_is_killed(tmp_path: Path) -> None:
    """Nor does the guard that sees to it."""
    with playing(tmp_path / "cluster") as (demo, pids):
        guard = os.getpgid(pids[0])
        assert "kill" in command_of(guard)
        assert all("daemon" in command_of(pid) for pid in pids)
        demo.kill()
        demo.wait(timeout=10)
        eventually(lambda: not any(map(command_of, (guard, *pids))), "all of them end")


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1, 2, 3])
def test_a_daemon_that_dies_fails_the_demo_and_everything_is_left_for_a_look(
    tmp_path: Path, victim: int
) -> None:
    directory = tmp_path / "cluster"
    with playing(directory) as (demo, pids):
        os.kill(pids[victim], signal.SIGKILL)
        _, stderr = demo.communicate(timeout=30)
    assert demo.returncode == 1
    assert stderr == (
        f"Error: the demo failed: the daemon of node{victim + 1} ended; everything is left for a look, "
        f"the logs in {directory}/node*/var/log/isi_smartconnect\n"
    )
    assert processes_in(directory) == []
    assert (directory / f"node{victim + 1}/var/log/isi_smartconnect").exists()
