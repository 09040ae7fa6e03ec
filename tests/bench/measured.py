"""How the benches measure, and a row of their table.

Ours and what it is held against take turns (A B A B …), so that whatever else the machine does meets both;
of many trials the median counts.
"""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    `found` is what the target is about: a ratio to `beside`, or a figure of ours.  `met` is None where that
    could not be measured; `floor` says what `beside` does, or what is missing.
    """

    what: str
    ours: str
    beside: str
    found: str
    target: str
    met: bool | None
    floor: str


def ratio(what: str, ours: float, beside: float, most: float, floor: str) -> Row:
    """A row whose target is `ours` in units of `beside`, both in seconds: `most` at the most."""
    found = ours / beside
    return Row(what, spelled(ours), spelled(beside), f"{found:.2f} x", f"<= {most:g} x", found <= most, floor)


def figure(what: str, ours: float, most: float, floor: str = "", beside: float | None = None) -> Row:
    """A row whose target is a time of ours; `beside` says what the machine did meanwhile; all in seconds."""
    said = "" if beside is None else spelled(beside)
    return Row(what, spelled(ours), said, spelled(ours), f"<= {spelled(most)}", ours <= most, floor)


def missing(what: str, target: str, why: str) -> Row:
    """A row that could not be measured here."""
    return Row(what, "", "", "", target, None, f"left out: {why}")


def spelled(seconds: float) -> str:
    """A time as people read it: `1.23 ms`."""
    for unit, name in ((1, "s"), (1e-3, "ms")):
        if abs(seconds) >= unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds * 1e6:.3g} us"


def percentile(times: Sequence[float], hundredths: int) -> float:
    """The time that so many hundredths of all do not exceed; of few, the longest."""
    return sorted(times)[min(len(times) - 1, len(times) * hundredths // 100)]


def medians(ours: Callable[[], float], beside: Callable[[], float], trials: int) -> tuple[float, float]:
    """The medians of what both give back, in seconds, after a first time that does not count."""
    ours()
    beside()
    pairs = [(ours(), beside()) for _ in range(trials)]
    return statistics.median(one for one, _ in pairs), statistics.median(one for _, one in pairs)


def timed(what: Callable[[], object]) -> Callable[[], float]:
    """`what` as something that gives back how long it took, by the clock on the wall."""

    def run() -> float:
        began = time.perf_counter()
        what()
        return time.perf_counter() - began

    return run


def cpu_of(command: Sequence[str], environment: dict[str, str]) -> Callable[[], float]:
    """A program as something that gives back the CPU time that it took, from its start to its end."""

    def run() -> float:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, cwd="/")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, command
        return usage.ru_utime + usage.ru_stime

    return run
