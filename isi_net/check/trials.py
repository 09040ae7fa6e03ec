"""What is tried, each by all hosts of the party at once, through the doors that the merger itself uses.

A time between two hosts is never taken from two clocks: what goes there and comes back is timed by one, and
counted as a whole, so that a figure is never better than the truth.
"""

import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from isi_net.check import verdict
from isi_net.check.meeting import Party, decode
from isi_net.check.verdict import Verdict
from isi_net.errors import Error, Unreadable
from isi_net.store import atomic
from isi_net.store.read import names, read, read_seen
from isi_net.store.tree import Tree

HANDOVERS = 6
OPENED, LOOKED_AT, ASKED = 5, 3, 4  # rounds of visibility, attributes and clocks

_WAKE_SECONDS = 5.0  # to wait for a lock that was released
_SEE_SECONDS = 10.0  # to wait for a change to be seen
_HOLD_SECONDS = 0.002
_STAND_SECONDS = 0.1  # until a waiter stands in line, as a rule
_PAUSE_SECONDS = 0.002
_MOST_NAMES = 200
_LINES, _LINE_BYTES = 6000, 11
_LIMIT = 1 << 20


class Lock(Protocol):
    """What is used of a lock; `store/lock.py` has the real one."""

    def open(self) -> None: ...
    def try_now(self) -> bool: ...
    def wait(self, granted: Callable[[], None]) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Trial:
    """A party, and what it tries with: for how many seconds each contest lasts, locks, and the wall clock."""

    party: Party
    tree: Tree
    seconds: float
    lock: Callable[[str], Lock]
    clock: Callable[[], float]

    def open_lock(self, name: str) -> Lock:
        """An open lock, not locked, on the file of this name."""
        lock = self.lock(self.party.path(name))
        lock.open()
        return lock

    def hosts_but_the_first(self) -> range:
        return range(1, self.party.size)


class _Done(msgspec.Struct):
    """Nothing to say but that one has come so far."""


class _Got(msgspec.Struct):
    got: bool
    failure: str = ""


class _Held(msgspec.Struct):
    holds: int
    overlaps: int
    slowest: float


class _Handovers(msgspec.Struct):
    took: list[float | None]


class _Wins(msgspec.Struct):
    numbers: list[int]


class _Reads(msgspec.Struct):
    reads: int = 0
    repeated: int = 0
    wrong: int = 0
    slowest: float = 0.0


class _Ball(msgspec.Struct):
    number: int
    at: float = 0.0
    seen: bool = True


class _Rallies(msgspec.Struct):
    opened: list[float | None]
    looked_at: list[float | None]
    offset: float | None = None
    error: float = 0.0


def alone(trial: Trial) -> list[Verdict]:
    """What one host can tell: whether locks, links and renames work here at all."""
    failures = {}
    for check, try_it in (("exclusion", _one_locks), ("link", _one_links), ("rename", _one_renames)):
        try:
            failure = try_it(trial)
        except Error as error:
            failure = str(error)
        if failure:
            failures[check] = failure
    return verdict.alone(failures)


def _one_locks(trial: Trial) -> str:
    first, second = trial.open_lock("lock"), trial.open_lock("lock")
    try:
        if not first.try_now():
            return "a lock that nobody has was refused"
        return "two have it at once on this very host" if second.try_now() else ""
    finally:
        first.close()
        second.close()


def _one_links(trial: Trial) -> str:
    target = trial.party.path("link")
    for attempt in range(2):
        staged = atomic.stage(*os.path.split(target), b"link\n")
        try:
            atomic.claim(staged, target)
            if attempt:
                return "one name was claimed twice on this very host"
        except FileExistsError:
            if not attempt:
                return "a name that nobody has was taken"
        finally:
            atomic.remove(staged)
    return ""


def _one_renames(trial: Trial) -> str:
    path = trial.party.path("renamed")
    for data in (b"first\n", b"second\n"):
        atomic.replace(path, data)
        if read_seen(path, _LIMIT)[0] != data:
            return "a file that was replaced still has its old content"
    return ""


def exclusion(trial: Trial) -> Verdict:
    """Each host in turn holds the lock while all others try; then all want it at once, again and again."""
    party = trial.party
    wrong: list[str] = []
    for turn, holder in enumerate(party.hosts):
        mine = party.me == turn
        lock = trial.open_lock("lock")
        held = party.exchange(f"hold{turn}", _try(lock) if mine else _Got(False))[turn]
        tried = party.exchange(f"try{turn}", _Got(held.got) if mine else _try(lock))
        lock.close()
        party.exchange(f"free{turn}", _Done())
        if not held.got:
            wrong.append(f"{holder.name} did not get a lock that nobody had {held.failure}".rstrip())
            continue
        for host, other in zip(party.hosts, tried, strict=True):
            if other.got and host is not holder:
                wrong.append(f"{host.name} got the lock while {holder.name} had it")
            elif other.failure:
                wrong.append(f"{host.name} could not ask for it: {other.failure}")
    told = party.exchange("held", _contest(trial), trial.seconds)
    return verdict.exclusion(
        wrong,
        sum(one.holds for one in told),
        sum(one.overlaps for one in told),
        max(one.slowest for one in told),
    )


def _try(lock: Lock) -> _Got:
    try:
        return _Got(lock.try_now())
    except Error as error:
        return _Got(False, str(error))


def _contest(trial: Trial) -> _Held:
    """Takes the lock as often as it can be had, and while holding it a name that only one may have."""
    inside = trial.party.path("inside")
    staged = atomic.stage(*os.path.split(inside), b"inside\n")
    lock = trial.open_lock("lock")
    held = _Held(0, 0, 0.0)
    until = time.monotonic() + trial.seconds
    try:
        while (begun := time.monotonic()) < until:
            got = _try(lock).got
            held.slowest = max(held.slowest, time.monotonic() - begun)
            if got:
                held.holds += 1
                try:
                    atomic.claim(staged, inside)
                    time.sleep(_HOLD_SECONDS)
                    atomic.remove(inside)
                except (FileExistsError, FileNotFoundError):  # or had it until just now
                    held.overlaps += 1
                lock.close()
                lock.open()
            time.sleep(random.uniform(0, _PAUSE_SECONDS))  # noqa: S311 - so that another gets a chance
    finally:
        lock.close()
        atomic.remove(staged)
    return held


def wake_up(trial: Trial, excluded: bool) -> Verdict:
    """The first host releases a lock that another waits for in the kernel, and waits for one that the other
    releases when it is in: half of that way there and back is one handover.

    Each lock changes hands once, so that nobody who is quick can have it twice.
    """
    party = trial.party
    took: list[float | None] = []
    for other in trial.hosts_but_the_first() if excluded else ():
        leading, following = party.me == 0, party.me == other
        rounds: list[tuple[Lock, Lock]] = []
        for number in range(HANDOVERS) if leading or following else ():
            there, back = (trial.open_lock(f"pass{other}.{way}{number}") for way in ("there", "back"))
            rounds.append((there, back) if leading else (back, there))
            rounds[-1][0].try_now()
        party.exchange(f"pass{other}", _Done())
        told = _Handovers([])
        if leading:
            told = _Handovers(_lead(rounds))
        elif following:
            _follow(rounds)
        took += party.exchange(f"passed{other}", told, HANDOVERS * _WAKE_SECONDS)[0].took
        for held, wanted in rounds:
            held.close()
            wanted.close()
    return verdict.wake_up(took, excluded)


def _lead(rounds: list[tuple[Lock, Lock]]) -> list[float | None]:
    took: list[float | None] = []
    for held, wanted in rounds:
        granted = _stand_in_line(wanted)
        time.sleep(_STAND_SECONDS)
        begun = time.monotonic()
        held.close()
        if not granted.wait(_WAKE_SECONDS):
            return [*took, None]
        took.append((time.monotonic() - begun) / 2)
    return took


def _follow(rounds: list[tuple[Lock, Lock]]) -> None:
    for held, wanted in rounds:
        if not _stand_in_line(wanted).wait(_WAKE_SECONDS):
            return
        held.close()


def _stand_in_line(lock: Lock) -> threading.Event:
    granted = threading.Event()
    lock.wait(granted.set)
    return granted


def link(trial: Trial) -> Verdict:
    """All hosts claim the next free name, as publishers of revisions do; each name has one winner."""
    party = trial.party
    first = party.path("link")
    directory, prefix = os.path.split(first)
    party.exchange("links", _Done())
    wins = []
    number = 0
    until = time.monotonic() + trial.seconds
    while time.monotonic() < until and number < _MOST_NAMES:
        taken = (name.removeprefix(prefix) for name in names(directory) if name.startswith(prefix))
        number = max(number, *(int(one) for one in taken if one.isdecimal()), 0) + 1
        staged = atomic.stage(directory, prefix, b"link\n")
        try:
            atomic.claim(staged, f"{first}{number}")
            wins.append(number)
        except FileExistsError:
            pass
        finally:
            atomic.remove(staged)
    return verdict.link([one.numbers for one in party.exchange("wins", _Wins(wins), trial.seconds)])


def rename(trial: Trial) -> Verdict:
    """The first host replaces a file again and again, and all others read it."""
    party = trial.party
    path = party.path("renamed")
    if party.me == 0:
        atomic.replace(path, _version(0))
    party.exchange("renamed", _Done())
    until = time.monotonic() + trial.seconds
    counted = _Reads()
    version = 0
    while time.monotonic() < until:
        if party.me == 0:
            version += 1
            atomic.replace(path, _version(version))
        else:
            version = _read_once(path, version, counted)
        time.sleep(_PAUSE_SECONDS)
    told = party.exchange("reads", counted, trial.seconds)[1:]
    return verdict.rename(
        sum(one.reads for one in told),
        sum(one.repeated for one in told),
        sum(one.wrong for one in told),
        max(one.slowest for one in told),
    )


def _version(number: int) -> bytes:
    return b"%010d\n" % number * _LINES


def _read_once(path: str, newest: int, counted: _Reads) -> int:
    """Reads the file, and again as `isi_net` does where that fails; gives back the newest version seen."""
    counted.reads += 1
    try:
        data = read(path, _LIMIT)[0]
    except Unreadable:
        data = b""
    if not data:
        counted.repeated += 1
        begun = time.monotonic()
        try:
            data = read_seen(path, _LIMIT)[0]
        except Unreadable:
            counted.wrong += 1
            return newest
        finally:
            counted.slowest = max(counted.slowest, time.monotonic() - begun)
    number = int(data[: _LINE_BYTES - 1]) if data[: _LINE_BYTES - 1].isdigit() else -1
    counted.wrong += number < newest or data != _version(number)
    return max(newest, number)


def visibility(trial: Trial) -> tuple[Verdict, Verdict, Verdict]:
    """The first host replaces a file, and each other in its turn answers as soon as it sees that, by opening
    it and by looking at it.  Then both only exchange the time, from which follows how clocks differ.

    Answers are files with a new name, which are seen sooner than replaced ones; their way back counts too.
    """
    party = trial.party
    opened: list[float | None] = []
    looked_at: list[float | None] = []
    offsets = []
    for other in trial.hosts_but_the_first():
        there, back = party.path(f"ball{other}"), party.path(f"ball{other}.back")
        if party.me == 0:
            _throw(there, _Ball(0))
        party.exchange(f"ball{other}", _Done())
        told = _Rallies([], [])
        if party.me == 0:
            told = _serve(there, back, trial.clock)
        elif party.me == other:
            _return(there, back, trial.clock)
        patience = (OPENED + LOOKED_AT + ASKED) * 2 * _SEE_SECONDS
        told = party.exchange(f"played{other}", told, patience)[0]
        opened += told.opened
        looked_at += told.looked_at
        if told.offset is not None:
            offsets.append((party.hosts[other].name, told.offset, told.error))
    return verdict.visibility(opened), verdict.attributes(looked_at), verdict.clocks(offsets)


def _serve(there: str, back: str, clock: Callable[[], float]) -> _Rallies:
    told = _Rallies([], [])
    for number in range(1, OPENED + LOOKED_AT + 1):
        time.sleep(random.uniform(0.05, 0.15))  # noqa: S311 - not in step with anybody's cache
        ages = told.looked_at if _is_looked_at(number) else told.opened
        _throw(there, _Ball(number))
        begun = time.monotonic()
        ball = _answer(f"{back}{number}")
        ages.append(time.monotonic() - begun if ball is not None and ball.seen else None)
        if ball is None:
            return told
    shortest = float("inf")
    for asked in range(ASKED):
        sent, begun = clock(), time.monotonic()
        _throw(f"{back}.ask{asked}", _Ball(asked))
        ball = _answer(f"{back}.told{asked}")
        trip = time.monotonic() - begun
        if ball is not None and trip < shortest:
            shortest = trip
            told.offset, told.error = ball.at - (sent + trip / 2), trip / 2
    return told


def _return(there: str, back: str, clock: Callable[[], float]) -> None:
    before = _look(there)
    for number in range(1, OPENED + LOOKED_AT + 1):
        seen = True
        if _is_looked_at(number):
            until = time.monotonic() + _SEE_SECONDS
            while _look(there) == before and (seen := time.monotonic() < until):
                time.sleep(_PAUSE_SECONDS)
        if _catch(there, number) is None:
            return
        before = _look(there)  # before the answer, which the next one follows
        _throw(f"{back}{number}", _Ball(number, seen=seen))
    for asked in range(ASKED):
        if _answer(f"{back}.ask{asked}") is not None:
            _throw(f"{back}.told{asked}", _Ball(asked, clock()))


def _is_looked_at(number: int) -> bool:
    return number > OPENED


def _throw(path: str, ball: _Ball) -> None:
    atomic.replace(path, msgspec.json.encode(ball))


def _answer(path: str) -> _Ball | None:
    """The ball in a file of a new name; None when it does not come."""
    directory, name = os.path.split(path)
    until = time.monotonic() + 2 * _SEE_SECONDS
    while time.monotonic() < until:
        if name in names(directory):
            return _catch(path, 0)
        time.sleep(_PAUSE_SECONDS)
    return None


def _catch(path: str, number: int) -> _Ball | None:
    """The ball, once it is at least this `number`; None when it does not come."""
    until = time.monotonic() + _SEE_SECONDS
    while time.monotonic() < until:
        try:
            ball = decode(read_seen(path, _LIMIT)[0], _Ball, path)
        except Unreadable:
            continue
        if ball.number >= number:
            return ball
        time.sleep(_PAUSE_SECONDS)
    return None


def _look(path: str) -> int:
    """What stat(2) tells the file by; 0 when it tells nothing."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0
