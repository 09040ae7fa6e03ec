"""The loop: a turn of each part of the daemon, again and again, each ending in one sentence.

A part that is called while the others rest takes a turn of its own first: the merger, when the role's lock is
granted, since nobody has the role until it does.

Rings of garbage are looked for in the rests, where nobody waits for it: it took a fifth of the time in which
ten thousand reports are merged, frozen values that hold none.

Signals only set flags; the loop looks at them between turns.  Its guard is the one broad `except` of the
house: a daemon that dies of a surprise follows nobody's addresses.
"""

import faulthandler
import gc
import signal
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

from isi_net.daemon.log import STDERR, Log
from isi_net.errors import Error
from isi_net.model.finding import Finding
from isi_net.model.turn import Turn

# A process that hangs in a call on the shared file system is ended after so many deadlines.  Then the
# kernel gives its lock to another node, and whoever supervises the daemon starts it again.
_HANGING_DEADLINES = 3
# All objects are looked at when a turn left so many (5 MB of them), or after so many rests; else only those
# that the last turn left, which takes no time.
_OBJECTS, _RESTS = 50_000, 1000


class Signals:
    """What was asked by signals: SIGTERM and SIGINT to `stop`, SIGHUP to `reload` the settings."""

    def __init__(self) -> None:
        self.stop = self.reload = False

    def listen(self, descriptor: int) -> None:
        """Heeds the signals from now on; the kernel writes a byte to `descriptor` for each, to end a wait.

        So does the end of a child, which asks for nothing but a turn.
        """
        signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, self._heard)

    @staticmethod
    def wake_nobody() -> None:
        """For the end: no signal writes to a descriptor any more, and none kills what is ending."""
        signal.set_wakeup_fd(-1)

    def _heard(self, number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            self.reload = True
        elif number != signal.SIGCHLD:
            self.stop = True


@contextmanager
def watchdog(deadline: float) -> Iterator[None]:
    """Ends the process when what is done in here hangs; stderr says where.  `deadline` is in seconds."""
    faulthandler.dump_traceback_later(_HANGING_DEADLINES * deadline, exit=True, file=STDERR)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def collect_garbage() -> None:
    """Looks for rings of garbage, which exceptions leave.  Few objects may hold a lot: the frames of a turn
    that failed hold every report that it knew.
    """
    objects, rests, _ = gc.get_count()
    gc.collect(2 if objects > _OBJECTS or rests > _RESTS else 0)


class Loop:
    """Takes the turns of one daemon until a signal asks for something else."""

    def __init__(
        self,
        parts: Mapping[str, Callable[[], Turn]],
        log: Log,
        signals: Signals,
        watch: Callable[[], str],
        rest: Callable[[float], Collection[str]],
        poll_interval: float,
        deadline: float,
    ) -> None:
        """`parts` take turns in their order; `watch` has what matters now end the rests, and says why it
        cannot; `rest` waits, and names the parts that were called meanwhile: they take a turn of their own
        before all do.  `poll_interval` and `deadline` are in seconds.
        """
        self._parts, self._log, self._signals = dict(parts), log, signals
        self._watch, self._rest = watch, rest
        self._poll_interval, self._deadline = poll_interval, deadline
        self._findings: dict[str, tuple[Finding, ...]] = {}
        self._trouble = ""

    def once(self) -> list[str]:
        """One turn of each part; gives back what went wrong."""
        failures, again = self._turns(self._parts)
        if again:
            failures, _ = self._turns(self._parts)
        return failures

    def run(self) -> None:
        """Turns until a signal asks to stop or to reload."""
        gc.disable()
        try:
            self._run()
        finally:
            gc.enable()

    def _run(self) -> None:
        at_once = False
        self._see()
        while not self._asked():
            _, again = self._turns(self._parts)
            self._see()
            # Once at once; whoever asks for it a second time waits like everybody: it may go on for ever.
            at_once = again and not at_once
            if not at_once and not self._asked():
                collect_garbage()
                called = self._rest(self._poll_interval)
                if called and not self._asked():
                    self._turns(called)

    def _asked(self) -> bool:
        return self._signals.stop or self._signals.reload

    def _turns(self, names: Collection[str]) -> tuple[list[str], bool]:
        """A turn of each of these parts: what went wrong, and whether one asks for another turn."""
        failures: list[str] = []
        again = False
        with watchdog(self._deadline):
            for name in names:
                try:
                    turn = self._parts[name]()
                    self._log.sentence(name, turn.sentence)
                    self._findings[name] = turn.findings  # of a turn that fails, the last ones stand
                    again |= turn.again
                except Error as error:
                    failures.append(str(error))
                    self._log.sentence(name, str(error), "error")
                except Exception as surprise:  # noqa: BLE001 - the guard
                    failures.append(repr(surprise))
                    told = "".join(traceback.format_exception(surprise))
                    self._log.sentence(name, f"unexpected: {told}", "error")
            self._log.findings(finding for found in self._findings.values() for finding in found)
        return failures, again

    def _see(self) -> None:
        with watchdog(self._deadline):  # some of what is watched lies on the shared file system
            trouble = self._watch()
        if trouble and trouble != self._trouble:
            self._log.write(trouble, "warning")
        self._trouble = trouble
