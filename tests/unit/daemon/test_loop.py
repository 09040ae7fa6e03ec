"""The loop: turns, rests, signals, and what a turn that fails leaves standing."""

import gc
import os
import signal
import subprocess
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from isi_net.daemon.log import Log
from isi_net.daemon.loop import Loop, Signals
from isi_net.daemon.watch import WakeUps
from isi_net.errors import Unreadable
from isi_net.model.finding import Finding
from isi_net.model.network import Node
from isi_net.model.turn import Turn

FINDING = Finding("node 3", "report_old", "warning", "it is old")


class Stage:
    """A loop with one part, whose turns are given; it is told to stop when it rests for the last time."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "log"
        self.signals = Signals()
        self.rests: list[float] = []
        self.turns = 0
        self.trouble = ""

    def loop(self, *turns: Callable[[], Turn]) -> Loop:
        rest_of_them = iter(turns)

        def take() -> Turn:
            self.turns += 1
            if self.turns == len(turns):
                self.signals.stop = True
            return next(rest_of_them)()

        log = Log(str(self.path), Node(1, 1, "GLaDOS-1"), 1, time.time)
        return Loop({"part": take}, log, self.signals, lambda: self.trouble, self.rest, 7.0, 30.0)

    def rest(self, seconds: float) -> tuple[str, ...]:
        self.rests.append(seconds)
        return ()

    @property
    def said(self) -> list[str]:
        return [line.partition("]: ")[2] for line in self.path.read_text().splitlines()]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def good(*findings: Finding, again: bool = False) -> Callable[[], Turn]:
    return lambda: Turn("well", findings, again)


def failing(error: Exception) -> Callable[[], Turn]:
    def take() -> Turn:
        raise error

    return take


def test_it_rests_between_turns_and_not_before_it_stops(stage: Stage) -> None:
    stage.loop(good(), good(), good()).run()
    assert stage.rests == [7.0, 7.0]
    assert stage.said == ["part: well"]


def test_who_asks_for_another_turn_gets_one_at_once_but_not_for_ever(stage: Stage) -> None:
    stage.loop(*[good(again=True)] * 6).run()
    assert stage.rests == [7.0, 7.0]


def test_a_turn_that_fails_is_logged_and_ends_nothing(stage: Stage) -> None:
    broken = Unreadable("cannot read: Input/output error", "/ifs/x", "look at it")
    stage.loop(failing(broken), failing(broken), failing(ZeroDivisionError("by\nzero")), good()).run()
    first, surprise, last = stage.said
    assert first == "part: cannot read: Input/output error, /ifs/x; look at it"
    assert surprise.startswith("part: unexpected: Traceback")
    assert r"ZeroDivisionError: by\nzero" in surprise
    assert last == "part: well"


def test_the_findings_of_a_turn_that_fails_are_the_last_ones(stage: Stage) -> None:
    """Not having looked is not having seen that all is well."""
    stage.loop(good(FINDING), failing(Unreadable("no")), good(FINDING), good()).run()
    assert stage.said == [
        "part: well",
        "node 3: it is old [report_old]",
        "part: no",
        "part: well",
        "node 3: no more: it is old [report_old]",
    ]


def test_one_part_that_fails_does_not_keep_the_other_from_its_turn(tmp_path: Path) -> None:
    taken: list[str] = []

    def second() -> Turn:
        taken.append("second")
        return Turn("well")

    log = Log(str(tmp_path / "log"), Node(1, 1, "GLaDOS-1"), 1, time.time)
    parts = {"first": failing(Unreadable("no", "here")), "second": second}
    loop = Loop(parts, log, Signals(), lambda: "", lambda _: (), 1.0, 30.0)
    assert loop.once() == ["no, here"]
    assert taken == ["second"]


def test_one_turn_is_two_when_it_asks_for_another(stage: Stage) -> None:
    assert stage.loop(good(again=True), failing(Unreadable("no"))).once() == ["no"]
    assert stage.turns == 2


@pytest.mark.parametrize(
    ("stopped", "turns"),
    [
        (False, ["first", "second", "second", "first", "second"]),
        (True, ["first", "second"]),
    ],
)
def test_a_part_that_is_called_in_a_rest_takes_a_turn_before_all_do(
    tmp_path: Path, stopped: bool, turns: list[str]
) -> None:
    """Unless it was told to stop meanwhile."""
    signals, taken = Signals(), []

    def part(name: str) -> Callable[[], Turn]:
        def take() -> Turn:
            taken.append(name)
            signals.stop |= taken == turns
            return Turn("well")

        return take

    def rest(_: float) -> tuple[str, ...]:
        signals.stop = stopped
        return ("second",)

    log = Log(str(tmp_path / "log"), Node(1, 1, "GLaDOS-1"), 1, time.time)
    parts = {name: part(name) for name in ("first", "second")}
    Loop(parts, log, signals, lambda: "", rest, 1.0, 30.0).run()
    assert taken == turns


@pytest.mark.parametrize("rings", [1, 60_000])
def test_rings_of_garbage_are_looked_for_in_rests_and_not_in_turns(tmp_path: Path, rings: int) -> None:
    """Few may hold as much as many."""

    class Ring:
        def __init__(self) -> None:
            self.me = self

    signals, stood = Signals(), []
    known: list[weakref.ref[Ring]] = []

    def take() -> Turn:
        known.append(weakref.ref(Ring()))
        for _ in range(rings - 1):
            Ring()
        stood.append(known[0]() is not None)
        return Turn("well")

    def rest(_: float) -> tuple[str, ...]:
        stood.append(known[0]() is not None)
        signals.stop = True
        return ()

    log = Log(str(tmp_path / "log"), Node(1, 1, "GLaDOS-1"), 1, time.time)
    Loop({"part": take}, log, signals, lambda: "", rest, 1.0, 30.0).run()
    assert stood == [True, False]
    assert gc.isenabled()


def test_trouble_with_watching_is_said_once(stage: Stage) -> None:
    stage.trouble = "cannot watch"
    stage.loop(good(), good(), good()).run()
    assert stage.said.count("cannot watch") == 1


@pytest.fixture
def listening() -> Iterator[tuple[Signals, WakeUps]]:
    """Signals that this very process heeds, for as long as the test runs."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
    before = [(number, signal.getsignal(number)) for number in numbers]
    signals, wake_ups = Signals(), WakeUps()
    signals.listen(wake_ups.signal_descriptor)
    yield signals, wake_ups
    signals.wake_nobody()
    wake_ups.close()
    for number, handler in before:
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "stop", "reload"),
    [(signal.SIGTERM, True, False), (signal.SIGINT, True, False), (signal.SIGHUP, False, True)],
)
def test_a_signal_right_before_the_rest_ends_it(
    listening: tuple[Signals, WakeUps], tmp_path: Path, number: int, stop: bool, reload: bool
) -> None:
    """Between the look at the flags and the wait nothing is lost: the kernel has written its byte."""
    signals, wake_ups = listening
    log = Log(str(tmp_path / "log"), Node(1, 1, "GLaDOS-1"), 1, time.time)

    def rest(_: float) -> tuple[str, ...]:
        os.kill(os.getpid(), number)
        wake_ups.wait(20.0)
        return ()

    began = time.monotonic()
    Loop({"part": good()}, log, signals, lambda: "", rest, 1.0, 30.0).run()
    assert (signals.stop, signals.reload) == (stop, reload)
    assert time.monotonic() - began < 10.0


def test_a_signal_that_came_before_is_heeded(listening: tuple[Signals, WakeUps], stage: Stage) -> None:
    """As it may while the settings are read again, when no loop runs."""
    signals, _ = listening
    os.kill(os.getpid(), signal.SIGTERM)
    stage.signals = signals
    stage.loop(good()).run()
    assert stage.turns == 0


def test_a_child_that_ends_ends_a_rest_and_asks_for_nothing_else(
    listening: tuple[Signals, WakeUps],
) -> None:
    signals, wake_ups = listening
    began = time.monotonic()
    with subprocess.Popen(["sleep", "0.05"]):
        wake_ups.wait(10.0)
    assert time.monotonic() - began < 5
    assert (signals.stop, signals.reload) == (False, False)
