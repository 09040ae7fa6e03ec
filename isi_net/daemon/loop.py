"""The loop: a reporter's turn and a merger's turn, again and again, each ending in one sentence.

Signals only set flags; the loop looks at them between turns.  Its guard is the one broad `except` of the
house: a daemon that dies of a surprise follows nobody's addresses.
"""

import faulthandler
import signal
import traceback
from collections.abc import Callable, Iterable, Mapping

from isi_net.daemon.log import Log
from isi_net.daemon.watch import WakeUps
from isi_net.errors import Error
from isi_net.model.finding import Finding
from isi_net.model.turn import Turn

# A process that hangs in a call on the shared file system is ended after so many deadlines.  Then the
# kernel gives its lock to another node, and whoever supervises the daemon starts it again.
_HANGING_DEADLINES = 3


class Loop:
    """Takes the turns of one daemon until somebody says stop."""

    def __init__(
        self,
        parts: Mapping[str, Callable[[], Turn]],
        log: Log,
        wake_ups: WakeUps,
        watched: Callable[[], Iterable[str]],
        rested: Callable[[], None],
        poll_interval: float,
        deadline: float,
    ) -> None:
        """`parts` take turns in their order; `watched` says which directories matter now; `rested` is told
        that the loop slept on purpose; `poll_interval` and `deadline` are in seconds.
        """
        self._parts, self._log, self._wake_ups = dict(parts), log, wake_ups
        self._watched, self._rested = watched, rested
        self._poll_interval, self._deadline = poll_interval, deadline
        self._stop = False
        self._reload = False
        self._trouble = ""

    def once(self) -> list[str]:
        """One turn of each part; gives back what went wrong."""
        failures, findings, again = self._turns()
        if again:
            failures, findings, again = self._turns()
        self._log.findings(findings)
        return failures

    def run(self) -> bool:
        """Turns until SIGTERM or SIGINT; gives back True when SIGHUP asked for new settings instead."""
        self._reload = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._signalled)
        signal.set_wakeup_fd(self._wake_ups.signal_descriptor)
        self._watch()
        while not self._stop and not self._reload:
            _, findings, again = self._turns()
            self._log.findings(findings)
            self._watch()
            if not again and not self._stop and not self._reload:
                self._wake_ups.wait(self._poll_interval)
            self._rested()
        return self._reload and not self._stop

    def _signalled(self, number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            self._reload = True
        else:
            self._stop = True

    def _turns(self) -> tuple[list[str], list[Finding], bool]:
        faulthandler.dump_traceback_later(_HANGING_DEADLINES * self._deadline, exit=True)
        failures: list[str] = []
        findings: list[Finding] = []
        once_more = False
        try:
            for name, take in self._parts.items():
                try:
                    turn = take()
                    self._log.sentence(name, turn.sentence)
                    findings += turn.findings
                    once_more |= turn.again
                except Error as error:
                    failures.append(str(error))
                    self._log.sentence(name, str(error), "error")
                except Exception as surprise:  # noqa: BLE001 - the guard
                    failures.append(repr(surprise))
                    told = "".join(traceback.format_exception(surprise))
                    self._log.sentence(name, f"unexpected: {told}", "error")
        finally:
            faulthandler.cancel_dump_traceback_later()
        return failures, findings, once_more

    def _watch(self) -> None:
        self._wake_ups.watch(self._watched())
        if self._wake_ups.trouble != self._trouble:
            self._trouble = self._wake_ups.trouble
            if self._trouble:
                self._log.write(self._trouble, "warning")
