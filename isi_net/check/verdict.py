"""What was seen, judged: a line for a person, with the figure and what to set.

Pure functions: figures in, verdicts out.  All times are in seconds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "slow", "broken", "unknown"]

CHECKS = ("exclusion", "wake-up", "link", "rename", "visibility", "attributes", "clocks")

SLOW_LOCK_SECONDS = 1.0
SLOW_WAKE_UP_SECONDS = 1.0  # the default poll interval: beyond it, waiting in the kernel gains nothing
OLD_SECONDS = 1.5  # as long as readers are patient with a name that was just replaced
# Reports and leases carry times, and whether the merger stalls is told from one: three deadlines of 10 s.
SKEW_SECONDS = 10.0

_PAGE = "man 7 isi_net-cluster"
_UNFIT = f"run no daemons on it: two merge at once here; {_PAGE}"
_CACHES = f"lower the client's caching of attributes and names; {_PAGE}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line: which check, how it ended, the figure in `unit` (None: there is none), what to do."""

    check: str
    state: State
    said: str
    measured: float | None = None
    unit: str = ""
    todo: str = ""


def is_sound(verdicts: Iterable[Verdict]) -> bool:
    """Whether everything was tried, and nothing is broken."""
    return all(one.state in ("ok", "slow") for one in verdicts)


def alone(failures: dict[str, str]) -> list[Verdict]:
    """Of one host: what failed already, by check; and that it cannot tell the rest."""
    return [
        Verdict(one, "broken", failures[one], todo=_UNFIT)
        if one in failures
        else Verdict(one, "unknown", "one host alone cannot tell", todo="run it on two or more hosts at once")
        for one in CHECKS
    ]


def exclusion(wrong: Sequence[str], holds: int, overlaps: int, slowest: float) -> Verdict:
    """`wrong` are sentences about who got what somebody had; `slowest` is the longest try for the lock."""
    said = f"{holds} holds, {overlaps} overlapped another; the slowest try took {_time(slowest)}"
    if wrong or overlaps or not holds:
        return Verdict("exclusion", "broken", "; ".join([*wrong[:3], said]), float(overlaps), "holds", _UNFIT)
    if slowest > SLOW_LOCK_SECONDS:
        todo = f"[daemon] deadline must be well above it; {_PAGE}"
        return Verdict("exclusion", "slow", said, slowest, "s", todo)
    return Verdict("exclusion", "ok", said, slowest, "s")


def wake_up(took: Sequence[float | None], excluded: bool) -> Verdict:
    """`took` are handovers to a waiter on another host, None where it never got the lock."""
    if not excluded:
        return Verdict("wake-up", "unknown", "locks do not exclude, so nobody waits for one")
    known = [one for one in took if one is not None]
    if not known or len(known) < len(took):
        todo = "the next holder is in after [daemon] poll_interval: keep that short"
        return Verdict("wake-up", "slow", "a waiter was not woken by the release of the lock", todo=todo)
    worst = max(known)
    said = f"a waiter is in {_time(worst)} after the release, at most ({len(known)} handovers)"
    if worst > SLOW_WAKE_UP_SECONDS:
        todo = "the next holder is in after [daemon] poll_interval: keep that short"
        return Verdict("wake-up", "slow", said, worst, "s", todo)
    return Verdict("wake-up", "ok", said, worst, "s")


def link(wins: Sequence[Sequence[int]]) -> Verdict:
    """`wins` are the names, by number, that each host won."""
    every = [number for one in wins for number in one]
    twice = len(every) - len(set(every))
    said = f"{len(set(every))} names claimed by {len(wins)} hosts, {twice} of them by two"
    if twice or not every:
        return Verdict("link", "broken", said, float(twice), "names", _UNFIT)
    return Verdict("link", "ok", said, float(twice), "names")


def rename(reads: int, repeated: int, wrong: int, slowest: float) -> Verdict:
    """Reads of a file that another host replaces; `wrong` were half, old after new, or never answered."""
    said = (
        f"{reads} reads of a file that is being replaced, {wrong} wrong; "
        f"{repeated} had to be repeated, for {_time(slowest)} at most"
    )
    if wrong or not reads:
        return Verdict("rename", "broken", said, float(wrong), "reads", _UNFIT)
    return Verdict("rename", "slow" if slowest > OLD_SECONDS else "ok", said, float(wrong), "reads")


def visibility(ages: Sequence[float | None]) -> Verdict:
    """How old what is opened and read can be, None where the new content was never seen."""
    return _age("visibility", "what a host opens and reads is {} old at most", ages, never="broken")


def attributes(ages: Sequence[float | None]) -> Verdict:
    """How long stat(2) can go on telling of a file that was replaced."""
    return _age("attributes", "what a host is told of a file is {} old at most", ages, never="slow")


def _age(check: str, said: str, ages: Sequence[float | None], never: State) -> Verdict:
    known = [one for one in ages if one is not None]
    if not known or len(known) < len(ages):
        return Verdict(check, never, "a change was not seen at all, while it was waited for", todo=_CACHES)
    worst = max(known)
    slow = worst > OLD_SECONDS
    return Verdict(
        check, "slow" if slow else "ok", said.format(_time(worst)), worst, "s", _CACHES if slow else ""
    )


def clocks(offsets: Sequence[tuple[str, float, float]]) -> Verdict:
    """`offsets` are hosts with how far each is ahead of the first one, and how far that may be wrong."""
    if not offsets:
        return Verdict("clocks", "unknown", "no answer to measure with")
    ahead = [0.0, *(offset for _, offset, _ in offsets)]
    skew, error = max(ahead) - min(ahead), max(error for _, _, error in offsets)
    said = f"{_time(skew)} between two hosts, give or take {_time(error)}"
    if skew - error <= SKEW_SECONDS:
        return Verdict("clocks", "ok", said, skew, "s")
    host, offset, _ = max(offsets, key=lambda one: abs(one[1]))
    which = f"{host} is {_time(abs(offset))} {'ahead' if offset > 0 else 'behind'}: "
    return Verdict("clocks", "broken", which + said, skew, "s", "run chrony or ntpd on every host")


def _time(seconds: float) -> str:
    """`3.2 ms`, `1.05 s`."""
    return f"{1000 * seconds:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
