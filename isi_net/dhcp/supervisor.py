"""Keeps the children of one daemon: starts them, hears what they say, starts them again, ends them.

A child is the leader of a process group of its own, and is ended with its whole group, by SIGKILL: there are
clients that give their lease back when they are asked to end, and none that can when it is not asked.  A
daemon that is killed leaves its children running, and the next one ends them before it starts its own.
"""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from isi_net.dhcp.clients import ENVIRONMENT, Launch
from isi_net.dhcp.processes import Process, look
from isi_net.errors import Error, Unreadable
from isi_net.model.service import State
from isi_net.store import atomic

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
LONG_ENOUGH_SECONDS = 60.0  # who ran so long did not fail to start
# With a child that was killed and is not gone, because the kernel holds it in some call.
_PATIENCE_SECONDS, _TRIES = 1.0, 100

LONGEST_LINE = 300
LINES, PER_SECONDS = 100, 60.0
_PIECE, _LAST_PIECES = 4096, 16


@dataclass(frozen=True, slots=True)
class Job:
    """What is to run: one that differs in anything is another, and the old one is ended for it.

    `restarts` is the number of restarts that were asked for, and `nic` the kernel's number of the NIC: a
    card that was taken out and put in again is another.
    """

    launch: Launch
    restarts: int = 0
    nic: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """How a job does.  Times are in seconds since the epoch.

    `failures` is how often it ended soon after its start, `trouble` why it could not even be started.
    """

    state: State
    pid: int | None = None
    since: float | None = None
    starts: int = 0
    last_exit: str = ""
    next_try: float | None = None
    failures: int = 0
    trouble: str = ""


@dataclass(slots=True)
class _Child:
    """A job and what became of it; `began` and `due` are by the clock that never jumps."""

    job: Job
    process: subprocess.Popen[bytes] | None = None
    said: "_Lines | None" = None
    began: float = 0.0
    due: float = 0.0
    since: float | None = None
    next_try: float | None = None
    starts: int = 0
    failures: int = 0
    last_exit: str = ""
    trouble: str = ""


@dataclass(slots=True)
class _Lines:
    """What a child says, line by line, and no more than so many: LINES in PER_SECONDS."""

    descriptor: int
    write: Callable[[str], None]
    clock: Callable[[], float]
    rest: bytes = b""
    began: float = float("-inf")
    count: int = 0

    def hear(self) -> bool:
        """Reads what was said, a piece at the most; whether there may be more, sooner or later."""
        try:
            data = os.read(self.descriptor, _PIECE)
        except BlockingIOError:
            return True
        *lines, rest = (self.rest + data).split(b"\n")
        self.rest = rest[: LONGEST_LINE + 1]  # of a line without an end no more is kept
        for line in lines:
            self._say(line)
        return bool(data)

    def close(self) -> None:
        """Says what is left, and how much was not said."""
        for _ in range(_LAST_PIECES):
            if not self.hear():
                break
        self._say(self.rest)
        self._start_counting()
        os.close(self.descriptor)

    def _say(self, line: bytes) -> None:
        text = line[:LONGEST_LINE].decode(errors="backslashreplace").strip()
        if not text:
            return
        if self.clock() - self.began >= PER_SECONDS:
            self._start_counting()
        self.count += 1
        if self.count <= LINES:
            self.write(text)

    def _start_counting(self) -> None:
        if self.count > LINES:
            self.write(f"({self.count - LINES} more lines are left out)")
        self.began, self.count = self.clock(), 0


class Supervisor:
    """The children of one daemon, by the names of their services."""

    def __init__(
        self,
        write: Callable[[str], None],
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        attend: Callable[[int, Callable[[], object]], None],
        neglect: Callable[[int], None],
    ) -> None:
        """`write` takes a line for the log; `clock` is in seconds and never jumps, `wall_clock` in seconds
        since the epoch; `attend` has a function called when a descriptor can be read, until `neglect`.
        """
        self._write, self._clock, self._wall_clock = write, clock, wall_clock
        self._attend, self._neglect = attend, neglect
        self._children: dict[str, _Child] = {}

    def end_orphans(self, is_ours: Callable[[Process], bool], running: Iterable[Process]) -> None:
        """Ends what a former daemon started and left, by what `is_ours` knows it."""
        ours = self.groups()
        for one in running:
            if one.group in ours or not is_ours(one):
                continue
            with _killer(one.pid) as kill:
                now = look(one.pid)  # its number may be another's since it was looked at
                if now is None or not is_ours(now):
                    continue
                self._write(f"pid {one.pid} was started by a former daemon, and is ended")
                if now.group == now.pid:
                    _kill_group(now.group)
                kill()
            for _ in range(_TRIES):  # until it is gone: two clients would take each other's answers
                if look(one.pid) is None:
                    break
                time.sleep(_PATIENCE_SECONDS / _TRIES)

    def groups(self) -> frozenset[int]:
        """The process groups of the children."""
        processes = (child.process for child in self._children.values())
        return frozenset(one.pid for one in processes if one is not None)

    def reap(self) -> None:
        """Takes note of the children that have ended, and ends what they left of themselves."""
        for name, child in self._children.items():
            if child.process is None or not _has_ended(child.process.pid):
                continue
            _kill_group(child.process.pid)  # before it is reaped, and its number given to another
            self._bury(child, child.process)
            lasted = self._clock() - child.began
            child.failures = 0 if lasted >= LONG_ENOUGH_SECONDS else child.failures + 1
            doubled = FIRST_PAUSE_SECONDS * 2 ** max(0, min(child.failures, 7) - 1)
            self._pause(child, min(LONGEST_PAUSE_SECONDS, doubled))
            self._write(f"{name}: {child.last_exit} after {lasted:.0f} s")

    def is_due(self, name: str, job: Job) -> bool:
        """Whether the job is to be started now: it is new, or its pause is over."""
        child = self._children.get(name)
        if child is None or child.job != job:
            return True
        return child.process is None and self._clock() >= child.due

    def follow(self, jobs: Mapping[str, Job], alone: Iterable[str] = ()) -> None:
        """Ends what is not in `jobs`, starts what is and is due, and lets everything else run.

        What cannot be started is tried again.  What is named in `alone` is neither ended nor started.
        """
        for name in sorted(self._children.keys() - jobs.keys() - set(alone)):
            self._end(name)
            del self._children[name]
        for name, job in jobs.items():
            if not self.is_due(name, job):
                continue
            self._end(name)
            child = self._children.setdefault(name, _Child(job))
            if child.job != job:
                child.job, child.failures = job, 0
            try:
                self._start(name, child)
                child.trouble = ""
            except Error as error:
                child.trouble = str(error)
                self._pause(child, LONGEST_PAUSE_SECONDS)

    def _pause(self, child: _Child, seconds: float) -> None:
        child.due, child.next_try = self._clock() + seconds, self._wall_clock() + seconds

    def status(self, name: str) -> Status:
        """How the job of this name does."""
        child = self._children.get(name)
        if child is None:
            return Status("stopped")
        runs = child.process is not None
        return Status(
            state="running" if runs else "waiting",
            pid=child.process.pid if child.process is not None else None,
            since=child.since if runs else None,
            starts=child.starts,
            last_exit=child.last_exit,
            next_try=None if runs else child.next_try,
            failures=child.failures,
            trouble=child.trouble,
        )

    def due(self) -> float:
        """In how many seconds the next one is to be started; infinite when none is.

        What is overdue counts no more: the turn that could have started it did not.
        """
        now = self._clock()
        waiting = [child.due - now for child in self._children.values() if child.process is None]
        return min((pause for pause in waiting if pause > 0), default=float("inf"))

    def end(self) -> None:
        """Ends all of them, for good."""
        self.follow({})

    def _start(self, name: str, child: _Child) -> None:
        launch = child.job.launch
        for directory in launch.directories:
            atomic.make_directory(directory)
        atomic.replace(launch.mark, launch.configuration)
        try:
            ours, theirs = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise _cannot_start(launch, error) from error
        try:
            os.set_blocking(theirs, True)  # it has a description of its own
            # SIGPIPE stays ignored as it is here: a client that outlives this daemon goes on when it speaks.
            child.process = subprocess.Popen(  # noqa: S603 - a client of the table
                launch.command,
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                cwd="/",
                env=ENVIRONMENT,
                start_new_session=True,
                restore_signals=False,
            )
        except OSError as error:
            os.close(ours)
            raise _cannot_start(launch, error) from error
        finally:
            os.close(theirs)
        child.said = said = _Lines(ours, lambda text: self._write(f"{name}: {text}"), self._clock)
        self._attend(ours, lambda: self._hear(said))
        child.began, child.since = self._clock(), self._wall_clock()
        child.starts += 1
        self._write(f"{name}: started, pid {child.process.pid}")

    def _hear(self, said: _Lines) -> None:
        if not said.hear():
            self._neglect(said.descriptor)  # it says nothing more, which need not be its end

    def _end(self, name: str) -> None:
        child = self._children.get(name)
        if child is not None and child.process is not None:
            _kill_group(child.process.pid)
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(_PATIENCE_SECONDS)
            self._bury(child, child.process)
            self._write(f"{name}: ended")

    def _bury(self, child: _Child, process: subprocess.Popen[bytes]) -> None:
        status = process.poll()
        if child.said is not None:
            self._neglect(child.said.descriptor)
            child.said.close()
        if status is not None:
            child.last_exit = _how(status)
        child.process, child.said = None, None


def _cannot_start(launch: Launch, error: OSError) -> Unreadable:
    """`error` as one of ours, with what to do."""
    todo = {
        errno.EMFILE: "let the daemon have more files open: ulimit -n",
        errno.ENFILE: "let the machine have more files open: sysctl fs.file-max",
        errno.EAGAIN: "let the daemon have more processes: ulimit -u",
        errno.ENOMEM: "give the machine more memory",
    }.get(error.errno or 0, "install it again")
    return Unreadable(f"cannot start: {error.strerror}", launch.command[0], todo)


def _how(status: int) -> str:
    """A child's end in words."""
    if status >= 0:
        return f"exit status {status}"
    known = {one.value: one.name for one in signal.Signals}
    return f"killed by {known.get(-status, f'signal {-status}')}"


def _has_ended(pid: int) -> bool:
    """Whether a child has ended; it is not reaped, so that its number stays its own."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


@contextmanager
def _killer(pid: int) -> Iterator[Callable[[], None]]:
    """Gives what kills the process that has this number now, and no later one where the kernel can tell."""
    descriptor = _open_process(pid)

    def kill() -> None:
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform == "linux" and descriptor is not None:
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            else:
                os.kill(pid, signal.SIGKILL)

    try:
        yield kill
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _open_process(pid: int) -> int | None:
    """A descriptor of the process (pidfd_open(2), Linux 5.3); None where there is none."""
    if sys.platform == "linux" and hasattr(os, "pidfd_open"):
        with suppress(OSError):
            return os.pidfd_open(pid)
    return None


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # PermissionError: on FreeBSD, only zombies are left
        os.killpg(group, signal.SIGKILL)
