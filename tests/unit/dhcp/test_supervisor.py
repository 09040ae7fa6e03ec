"""Children are real processes here: started, heard, started again, and ended with all that they started."""

import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from children import child
from patience import eventually

from isi_net.dhcp.clients import Launch
from isi_net.dhcp.processes import Process
from isi_net.dhcp.supervisor import LINES, LONGEST_LINE, LONGEST_PAUSE_SECONDS, Job, Supervisor

NAME = "dhclient-ext-1"


class Nursery:
    """A supervisor whose clock is moved by hand; children's words are heard when it is asked."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.now = 1000.0
        self.log: list[str] = []
        self.heard: dict[int, Callable[[], object]] = {}
        self.supervisor = Supervisor(
            self.log.append,
            lambda: self.now,
            lambda: 1_770_000_000.0 + self.now,
            self.heard.__setitem__,
            lambda descriptor: self.heard.pop(descriptor, None),
        )

    def job(self, script: str, restarts: int = 0) -> Job:
        """A job that sh does."""
        mark = str(self.directory / "run" / "x.conf")
        return Job(Launch(("/bin/sh", "-c", script, "sh", mark), mark, b"conf\n", ()), restarts)

    def follow(self, script: str, restarts: int = 0) -> int | None:
        self.supervisor.reap()
        self.supervisor.follow({NAME: self.job(script, restarts)})
        return self.supervisor.status(NAME).pid

    def hear_all(self) -> None:
        for hear in list(self.heard.values()):
            for _ in range(100):
                hear()

    def until(self, ask: Callable[[], object], what: str) -> None:
        until = time.monotonic() + 10
        while not ask():
            assert time.monotonic() < until, (what, self.log)
            self.hear_all()
            self.supervisor.reap()
            time.sleep(0.005)

    def until_it_ends(self) -> None:
        self.until(lambda: self.supervisor.status(NAME).state != "running", "its end")


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[Nursery]:
    nursery = Nursery(tmp_path)
    yield nursery
    nursery.supervisor.end()


def lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_a_job_is_started_with_its_configuration(nursery: Nursery) -> None:
    pid = nursery.follow("cat $1; sleep 60")
    assert pid is not None
    assert os.getpgid(pid) == pid
    nursery.until(lambda: f"{NAME}: conf" in nursery.log, "its words")
    status = nursery.supervisor.status(NAME)
    assert (status.state, status.starts, status.last_exit) == ("running", 1, "")


def test_who_is_wanted_in_the_same_way_runs_on(nursery: Nursery) -> None:
    assert nursery.follow("sleep 60") == nursery.follow("sleep 60")


@pytest.mark.parametrize(("script", "restarts"), [("sleep 61", 0), ("sleep 60", 1)])
def test_another_job_takes_the_place_of_the_old_one(nursery: Nursery, script: str, restarts: int) -> None:
    old = nursery.follow("sleep 60")
    new = nursery.follow(script, restarts)
    assert new is not None
    assert new != old
    assert not lives(old or 0)
    assert nursery.supervisor.status(NAME).starts == 2


def test_who_is_not_wanted_any_more_is_ended(nursery: Nursery) -> None:
    pid = nursery.follow("sleep 60")
    nursery.supervisor.follow({})
    assert not lives(pid or 0)
    assert nursery.supervisor.status(NAME).state == "stopped"
    assert nursery.heard == {}


def test_the_pauses_double_up_to_a_minute(nursery: Nursery) -> None:
    pauses = []
    for _ in range(8):
        nursery.follow("exit 3")
        nursery.until_it_ends()
        pauses.append(nursery.supervisor.due())
        nursery.now += pauses[-1]
    assert pauses == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS]
    status = nursery.supervisor.status(NAME)
    assert (status.last_exit, status.failures) == ("exit status 3", 8)


def test_nobody_is_started_before_the_pause_is_over(nursery: Nursery) -> None:
    nursery.follow("exit 0")
    nursery.until_it_ends()
    nursery.now += 0.9
    assert nursery.follow("exit 0") is None
    status = nursery.supervisor.status(NAME)
    assert (status.state, status.next_try) == ("waiting", 1_770_001_001.0)


def test_who_is_overdue_is_not_waited_for(nursery: Nursery) -> None:
    """A turn that could not tell what is wanted started nobody: the next one has to come no sooner."""
    nursery.follow("exit 0")
    nursery.until_it_ends()
    assert nursery.supervisor.due() == 1
    nursery.now += 1
    assert nursery.supervisor.due() == float("inf")
    assert nursery.follow("sleep 60") is not None


def test_who_ran_for_a_minute_did_not_fail(nursery: Nursery) -> None:
    for lasts in (0.0, 0.0, 60.0):
        pid = nursery.follow("sleep 60")
        nursery.now += lasts
        os.kill(pid or 0, signal.SIGKILL)
        nursery.until_it_ends()
        pause = nursery.supervisor.due()
        nursery.now += pause
    assert pause == 1
    status = nursery.supervisor.status(NAME)
    assert (status.failures, status.last_exit) == (0, "killed by SIGKILL")


def test_a_restart_waits_for_no_pause(nursery: Nursery) -> None:
    nursery.follow("exit 0")
    nursery.until_it_ends()
    assert nursery.follow("exit 0", restarts=1) is not None


def children(pid: int) -> list[int]:
    said = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(one) for one in said.split()]


def test_helpers_do_not_outlive_their_client(nursery: Nursery) -> None:
    """Those of a dhcpcd that was killed would go on."""
    pid = nursery.follow("sleep 60 & sleep 60 & wait")
    assert pid is not None
    nursery.until(lambda: len(children(pid)) == 2, "two helpers")
    helpers = children(pid)
    os.kill(pid, signal.SIGKILL)
    nursery.until_it_ends()
    nursery.until(lambda: not any(map(lives, helpers)), "the helpers' end")


def test_the_end_takes_everybody(nursery: Nursery) -> None:
    pid = nursery.follow("trap '' TERM INT HUP; sleep 60 & wait")
    assert pid is not None
    nursery.until(lambda: children(pid), "a helper")
    helpers = children(pid)
    nursery.supervisor.end()
    assert not lives(pid)
    nursery.until(lambda: not any(map(lives, helpers)), "the helpers' end")


def test_a_program_that_is_not_there_is_an_error_and_tried_again(nursery: Nursery) -> None:
    launch = Launch(("/nowhere/dhclient",), str(nursery.directory / "x.conf"), b"", ())
    nursery.supervisor.follow({NAME: Job(launch)})
    status = nursery.supervisor.status(NAME)
    assert (status.state, status.starts) == ("waiting", 0)
    assert "/nowhere/dhclient" in status.trouble
    assert nursery.supervisor.due() == LONGEST_PAUSE_SECONDS


def test_a_configuration_that_cannot_be_written_is_an_error(nursery: Nursery) -> None:
    (nursery.directory / "run").write_text("in the way")
    nursery.supervisor.follow({NAME: nursery.job("sleep 60")})
    assert "not a directory" in nursery.supervisor.status(NAME).trouble
    (nursery.directory / "run").unlink()
    nursery.now += LONGEST_PAUSE_SECONDS
    assert nursery.follow("sleep 60") is not None
    assert nursery.supervisor.status(NAME).trouble == ""


def test_a_long_line_is_cut(nursery: Nursery) -> None:
    nursery.follow(f"head -c 100000 /dev/zero | tr '\\0' x; echo; echo end; exec {sys.executable} -c ''")
    nursery.until(lambda: f"{NAME}: end" in nursery.log, "the end")
    assert [len(one) for one in nursery.log if "xxx" in one] == [len(f"{NAME}: ") + LONGEST_LINE]


def test_of_a_line_without_an_end_no_more_is_kept_than_is_said(nursery: Nursery) -> None:
    done = nursery.directory / "done"
    tracemalloc.start()
    try:
        nursery.follow(f"head -c 3000000 /dev/zero | tr '\\0' x; touch {done}; sleep 60")
        nursery.until(done.exists, "it has said all")
        nursery.hear_all()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000


def test_who_talks_all_day_is_heard_in_part(nursery: Nursery) -> None:
    nursery.follow("yes yes | head -n 5000; sleep 60")
    until = time.monotonic() + 5
    while nursery.log.count(f"{NAME}: yes") < LINES and time.monotonic() < until:
        nursery.hear_all()
    time.sleep(0.1)
    nursery.hear_all()
    assert nursery.log.count(f"{NAME}: yes") == LINES
    nursery.supervisor.follow({})
    assert any("more lines are left out)" in one for one in nursery.log)


def test_half_a_line_is_said_when_its_child_ends(nursery: Nursery) -> None:
    nursery.follow("printf half")
    nursery.until_it_ends()
    assert f"{NAME}: half" in nursery.log


def test_bytes_that_are_no_text_are_said_all_the_same(nursery: Nursery) -> None:
    nursery.follow(r"printf 'a\377b\n'")
    nursery.until_it_ends()
    assert rf"{NAME}: a\xffb" in nursery.log


def test_who_closes_its_ears_is_not_listened_to(nursery: Nursery) -> None:
    """Its pipe could be read for ever, and gives nothing."""
    nursery.follow("exec >&- 2>&-; sleep 60")
    nursery.until(lambda: not nursery.heard, "nobody listens")
    assert nursery.supervisor.status(NAME).state == "running"


ORPHAN = ("sh", "-c", "sleep 60 & wait", "marked")


def test_what_a_former_daemon_left_is_ended(nursery: Nursery) -> None:
    ours = nursery.follow("sleep 60")
    with child(*ORPHAN) as orphan, child("sleep", "60") as other:
        running = [
            Process(one, one, "sh", words)
            for one, words in ((ours or 0, ("marked",)), (orphan.pid, ("marked",)), (other.pid, ("x",)))
        ]
        nursery.supervisor.end_orphans(lambda one: "marked" in one.words, running)
        assert orphan.wait(5) == -signal.SIGKILL
        assert lives(ours or 0)
        assert lives(other.pid)


def test_who_has_got_an_orphans_number_meanwhile_is_left_alone(nursery: Nursery) -> None:
    with child("sleep", "60") as somebody:
        seen = Process(somebody.pid, somebody.pid, "dhclient", ("marked",))
        nursery.supervisor.end_orphans(lambda one: "marked" in one.words, [seen])
        assert somebody.poll() is None
    assert nursery.log == []


def test_an_orphan_that_nobody_reaps_is_not_waited_for(nursery: Nursery) -> None:
    """A zombie takes nobody's answers.  The ones here are our own children, and we do not reap them yet."""
    with ExitStack() as alive:
        orphans = [alive.enter_context(child(*ORPHAN)) for _ in range(4)]
        running = [Process(one.pid, one.pid, "sh", ("marked",)) for one in orphans]
        began = time.monotonic()
        nursery.supervisor.end_orphans(lambda one: "marked" in one.words, running)
        assert time.monotonic() - began < 3  # each would be waited for for a second
        assert [one.wait(5) for one in orphans] == [-signal.SIGKILL] * 4


def test_a_client_that_outlives_us_may_speak(tmp_path: Path) -> None:
    """Nobody reads its pipe any more, and SIGPIPE would end it."""
    code = f"""
import time
from isi_net.dhcp.clients import Launch
from isi_net.dhcp.supervisor import Job, Supervisor
s = Supervisor(print, time.monotonic, time.time, lambda *_: None, lambda _: None)
script = "sleep 0.2; echo a; echo b; touch {tmp_path}/spoke; sleep 60"
s.follow({{"x": Job(Launch(("/bin/sh", "-c", script), "{tmp_path}/conf", b"", ()))}})
print(s.status("x").pid)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    orphan = int(said.split()[-1])
    eventually((tmp_path / "spoke").exists, "it speaks")
    assert lives(orphan)
    os.killpg(orphan, signal.SIGKILL)


@pytest.mark.parametrize("free", range(8))
def test_who_may_open_no_more_files_tries_each_client_and_again(tmp_path: Path, free: int) -> None:
    """Whichever descriptor is the one too many, none is lost by it, and once there are more, all run."""
    code = f"""
import os, resource, time
from isi_net.dhcp.clients import Launch
from isi_net.dhcp.supervisor import LONGEST_PAUSE_SECONDS, Job, Supervisor
now = 0.0
s = Supervisor(lambda line: None, lambda: now, time.time, lambda *_: None, lambda _: None)
sleeping = ("/bin/sh", "-c", "sleep 60")
jobs = {{one: Job(Launch(sleeping, f"{tmp_path}/{{one}}.conf", b"", ())) for one in ("a", "b")}}
first = os.dup(0)
os.close(first)
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (first + {free}, hard))
s.follow(jobs)
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
for one in jobs:
    status = s.status(one)
    print(one, status.state, "Too many open files" in status.trouble)
now += LONGEST_PAUSE_SECONDS
s.follow(jobs)
print(*(s.status(one).state for one in jobs))
s.end()
print(os.dup(0) - first)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    *tried, then, lost = ended.stdout.splitlines()
    each = [{f"{one} waiting True", f"{one} running False"} for one in "ab"]
    assert all(said in possible for said, possible in zip(tried, each, strict=True))
    assert (then, lost) == ("running running", "0")
    assert free or "running" not in "".join(tried)
