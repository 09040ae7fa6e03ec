"""The reports as they lie on the shared file system: read when they changed, each on its own."""

import os
import time
from collections.abc import Callable
from operator import itemgetter
from typing import NamedTuple

from isi_net.errors import FormatError, NewerSchema, Unknown, Unreadable
from isi_net.formats import node_report
from isi_net.model.finding import Finding
from isi_net.model.report import Report, UnreadReport
from isi_net.store.familiar import refuse_unfamiliar
from isi_net.store.read import PATIENCE_SECONDS, Sighting, Stamp, explain, read_seen
from isi_net.store.tree import REPORT, Tree, number_in

_NO_STAMP = Stamp(0, 0, -1, 0)
_LOOKS = 64  # at files, between two looks at whether to go on
_NOT_ITS_OWN = "take it away: a report is a file of its node's own"


def reports(tree: Tree) -> tuple[Report | UnreadReport, ...]:
    """Every report by devid, for who asks once.

    Raises Unreadable when the directory cannot be listed, also where there is none because the shared file
    system is not mounted.
    """
    if not (found := Inbox(tree).read()):
        refuse_unfamiliar(tree)
    return found


class _Known(NamedTuple):
    """A report as it was read, and the file that it was read from."""

    report: Report | UnreadReport
    seen: Sighting

    def is_in(self, entry: os.DirEntry[str]) -> bool:
        """Whether the file that was listed is for sure the one that was read."""
        return self.seen.sure and self.seen.stamp == _stamp(entry)

    def waited_for(self, entry: os.DirEntry[str]) -> bool:
        """Whether it could not be read in this very state."""
        return isinstance(self.report, UnreadReport) and self.seen.stamp == _stamp(entry)


class Inbox:
    """All nodes' reports.  Whoever keeps one and reads again pays for what changed."""

    def __init__(
        self,
        tree: Tree,
        clock: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE_SECONDS,
        go_on: Callable[[], None] = lambda: None,
    ) -> None:
        """`clock` is in seconds and never jumps; `patience`, in seconds, is for what is stale or empty.
        `go_on` is called again and again, and raises to end the reading: ten thousand files take their time.
        """
        self._tree, self._clock, self._patience, self._go_on = tree, clock, patience, go_on
        self._known: dict[int, _Known] = {}
        self._reports: tuple[Report | UnreadReport, ...] = ()

    def read(self) -> tuple[Report | UnreadReport, ...]:
        """Every report by devid; the very same tuple as last time when nothing changed.

        Raises Unreadable when the directory cannot be listed; one that is not there holds no reports.
        """
        # Opened once, so that neither a look nor a read goes the whole way to it again.
        try:
            directory = os.open(self._tree.reports, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._known, self._reports = {}, ()
            return ()
        except OSError as error:
            raise explain(error, self._tree.reports) from error
        try:
            self._known = self._found(directory)
        finally:
            os.close(directory)
        reports = tuple([one.report for one in self._known.values()])
        if reports != self._reports:
            self._reports = reports
        return self._reports

    def _found(self, directory: int) -> dict[int, _Known]:
        """What lies in the open `directory`, by devid."""
        found: dict[int, _Known] = {}
        until = self._clock() + self._patience
        for devid, entry in self._listing(directory):
            if not len(found) % _LOOKS:
                self._go_on()
            known = self._known.get(devid)
            if known is None or not known.is_in(entry):
                known = self._read_one(devid, directory, entry, known, until)
            found[devid] = known
        return found

    def _listing(self, directory: int) -> list[tuple[int, os.DirEntry[str]]]:
        """What lies there under a report's name, in the order of the devids."""
        try:
            with os.scandir(directory) as entries:
                named = [(number_in(entry.name, REPORT), entry) for entry in entries]
        except OSError as error:
            raise explain(error, self._tree.reports) from error
        return sorted([(devid, entry) for devid, entry in named if devid is not None], key=itemgetter(0))

    def _read_one(
        self, devid: int, directory: int, entry: os.DirEntry[str], known: _Known | None, until: float
    ) -> _Known:
        """What lies there now; `known` is what did when we last looked."""
        self._go_on()
        path = self._tree.report(devid)
        # Patience once for all, and once for each state: a file that stays empty must not cost its time at
        # every turn.
        waited = known is not None and known.waited_for(entry)
        began = self._clock()
        report: Report | UnreadReport
        try:
            if not _is_file(entry, path):
                raise Unreadable("not a regular file", path, _NOT_ITS_OWN)
            patience = 0.0 if waited else max(0.0, until - began)
            data, stamp = read_seen(path, node_report.MAX, patience, directory)
        except Unreadable as error:
            code = "report_unknown" if isinstance(error, Unknown) else "report_unreadable"
            report, seen = _unread(devid, code, str(error)), Sighting(_stamp(entry), self._clock())
        else:
            report, ended = _parsed(devid, data, path), self._clock()
            seen = Sighting(stamp, ended) if known is None else known.seen.and_again(stamp, began, ended)
        if known is not None and known.report == report:
            report = known.report
        return _Known(report, seen)


def _parsed(devid: int, data: bytes, path: str) -> Report | UnreadReport:
    try:
        report = node_report.parse(data, path)
    except NewerSchema as error:
        return _unread(devid, "report_newer", str(error))
    except FormatError as error:
        return _unread(devid, "report_broken", str(error))
    if report.devid != devid:
        what = f"{path}: it says it is of devid {report.devid}"
        return UnreadReport(
            devid, Finding(f"node {devid}", "report_foreign", "error", what, "delete the file")
        )
    return report


def _unread(devid: int, code: str, message: str) -> UnreadReport:
    todo = "its addresses stay; look at isi_net daemon on that node"
    return UnreadReport(devid, Finding(f"node {devid}", code, "error", message, todo))


def _stamp(entry: os.DirEntry[str]) -> Stamp:
    """The stamp of what was listed; of what cannot be looked at, one that nothing has: reading says why."""
    try:
        return Stamp.of(entry.stat(follow_symlinks=False))
    except OSError:
        return _NO_STAMP


def _is_file(entry: os.DirEntry[str], path: str) -> bool:
    """Whether a regular file was listed, or what reading may find there again, or says more of."""
    try:
        return entry.is_file(follow_symlinks=False) or not os.path.lexists(path)
    except OSError:
        return True
