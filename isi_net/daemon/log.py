"""The daemon's log, in the shape that OneFS's has, so that the same `grep` answers who and when.

    2026-02-07T16:26:20.946863+00:00 <3.6> GLaDOS-4(id4) isi_smartconnect_d[3626]: Taking ownership of …

`<facility.severity>` are syslog's numbers (RFC 5424, section 6.2.1): 3 is a system daemon; 3 error,
4 warning, 6 informational.
"""

import contextlib
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from isi_net.model.finding import Finding, Severity
from isi_net.model.network import Node
from isi_net.model.text import printable

PROGRAM = "isi_smartconnect_d"
STDERR = 2

_FACILITY = 3
_SEVERITIES: dict[Severity, int] = {"error": 3, "warning": 4, "info": 6}


def line(when: float, severity: Severity, node: Node, pid: int, message: str) -> str:
    """One line of the log; `when` is in seconds since the epoch."""
    stamp = datetime.fromtimestamp(when, UTC).isoformat(timespec="microseconds")
    number = _SEVERITIES[severity]
    return (
        f"{stamp} <{_FACILITY}.{number}> {node.name}(id{node.devid}) {PROGRAM}[{pid}]: {printable(message)}\n"
    )


class Log:
    """Appends lines to the log file; what cannot be written there goes to stderr."""

    def __init__(self, path: str, node: Node, pid: int, clock: Callable[[], float]) -> None:
        self.node = node
        self._path, self._pid, self._clock = path, pid, clock
        self._descriptor = -1
        self._complained = False
        self._sentences: dict[str, str] = {}
        self._findings: frozenset[Finding] = frozenset()

    def open(self) -> None:
        """Opens the file at its path, again when it is open already (logrotate has moved it)."""
        self.close()
        try:
            self._open()
        except OSError as error:
            self._complain(error)

    def _open(self) -> None:
        os.makedirs(os.path.dirname(self._path), exist_ok=True)
        # O_NONBLOCK: a FIFO that nobody reads must not hold us for ever.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        self._descriptor = os.open(self._path, flags, 0o644)

    def close(self) -> None:
        """Closes the file; the next line opens it again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def write(self, message: str, severity: Severity = "info") -> None:
        """Appends one line."""
        text = line(self._clock(), severity, self.node, self._pid, message)
        try:
            if self._descriptor < 0:
                self._open()
            data = memoryview(text.encode(errors="backslashreplace"))
            while data:
                data = data[os.write(self._descriptor, data) :]
            self._complained = False
        except OSError as error:
            self._complain(error)
            _tell(text)

    def sentence(self, who: str, text: str, severity: Severity = "info") -> None:
        """Appends the sentence in which a turn of `who` ended, unless its last one said the same."""
        if self._sentences.get(who) != text:
            self._sentences[who] = text
            self.write(f"{who}: {text}", severity)

    def findings(self, now_true: Iterable[Finding]) -> None:
        """Appends every finding that is new, and every one that is gone: one that lasts is logged once."""
        current = frozenset(now_true)
        if current == self._findings:
            return
        for finding in sorted(current - self._findings):
            self.write(f"{finding} [{finding.code}]", finding.severity)
        still = {(finding.place, finding.code) for finding in current}
        for finding in sorted(self._findings - current):
            if (finding.place, finding.code) not in still:
                self.write(f"{finding.place}: no more: {finding.message} [{finding.code}]")
        self._findings = current

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            _tell(f"Error: cannot write the log, {self._path}: {error.strerror}; it goes to stderr\n")


def _tell(text: str) -> None:
    """What cannot be written to stderr either is lost: that must end no daemon."""
    with contextlib.suppress(OSError):
        os.write(STDERR, text.encode(errors="backslashreplace"))
