"""The reports as they lie on the shared file system: read when they changed, each on its own."""

import os
import time
from collections.abc import Callable
from operator import itemgetter

from isi_net.errors import FormatError, NewerSchema, Unknown, Unreadable
from isi_net.formats import node_report
from isi_net.model.finding import Finding
from isi_net.model.report import Report, UnreadReport
from isi_net.store.familiar import refuse_unfamiliar
from isi_net.store.read import PATIENCE_SECONDS, Stamp, Unchanged, explain, read_seen
from isi_net.store.tree import REPORT, Tree, number_in

_NO_STAMP = Stamp(0, 0, -1, 0)


def reports(tree: Tree) -> tuple[Report | UnreadReport, ...]:
    """Every report by devid, for who asks once.

    Raises Unreadable when the directory cannot be listed, also where there is none because the shared file
    system is not mounted.
    """
    if not (found := Inbox(tree).read()):
        refuse_unfamiliar(tree)
    return found


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
        self._unchanged = Unchanged(clock)
        self._devids: dict[str, int | None] = {}
        self._known: dict[int, Report | UnreadReport] = {}
        self._reports: tuple[Report | UnreadReport, ...] = ()

    def read(self) -> tuple[Report | UnreadReport, ...]:
        """Every report by devid; the very same tuple as last time when nothing changed.

        Raises Unreadable when the directory cannot be listed; one that is not there holds no reports.
        """
        found: dict[int, Report | UnreadReport] = {}
        listed = self._listing()
        until = self._clock() + self._patience
        for devid, entry in listed:
            self._go_on()
            known = self._known.get(devid)
            found[devid] = (
                self._read_one(devid, entry, until) if known is None else self._look(known, entry, until)
            )
        if not self._known.keys() <= found.keys():
            self._unchanged.keep(entry.path for _, entry in listed)
        if found != self._known:
            self._known = found
            self._reports = tuple(found.values())
        return self._reports

    def _listing(self) -> list[tuple[int, os.DirEntry[str]]]:
        """What lies there under a report's name, by devid."""
        try:
            with os.scandir(self._tree.reports) as entries:
                listed = list(entries)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise explain(error, self._tree.reports) from error
        if len(self._devids) > 2 * len(listed):
            self._devids = {}  # names that are gone, hidden ones above all
        found = []
        for entry in listed:
            name = entry.name
            if name not in self._devids:
                self._devids[name] = number_in(name, REPORT)
            if (devid := self._devids[name]) is not None:
                found.append((devid, entry))
        return sorted(found, key=itemgetter(0))

    def _look(
        self, known: Report | UnreadReport, entry: os.DirEntry[str], until: float
    ) -> Report | UnreadReport:
        """What lies there now, where `known` did when we last looked."""
        stamp = _stamp(entry)
        if self._unchanged.is_current(entry.path, stamp):
            return known
        # Patience once for all, and once for each state: a file that stays empty must not cost its time at
        # every turn.
        if isinstance(known, UnreadReport) and self._unchanged.was_seen(entry.path, stamp):
            until = 0.0
        read = self._read_one(known.devid, entry, until)
        return known if known == read else read

    def _read_one(self, devid: int, entry: os.DirEntry[str], until: float) -> Report | UnreadReport:
        path = entry.path
        if not _is_file(entry):
            return self._not_a_file(devid, path)
        try:
            data, stamp = read_seen(path, node_report.MAX, max(0.0, until - self._clock()))
        except Unreadable as error:
            self._unchanged.was_refused(path, _stamp(entry))
            code = "report_unknown" if isinstance(error, Unknown) else "report_unreadable"
            return self._unread(devid, code, str(error))
        self._unchanged.was_read(path, stamp)
        try:
            report = node_report.parse(data, path)
        except NewerSchema as error:
            return self._unread(devid, "report_newer", str(error))
        except FormatError as error:
            return self._unread(devid, "report_broken", str(error))
        if report.devid != devid:
            what = f"{path}: it says it is of devid {report.devid}"
            return UnreadReport(
                devid, Finding(f"node {devid}", "report_foreign", "error", what, "delete the file")
            )
        return report

    def _not_a_file(self, devid: int, path: str) -> UnreadReport:
        what = f"not a regular file, {path}; take it away: a report is a file of its node's own"
        return self._unread(devid, "report_unreadable", what)

    @staticmethod
    def _unread(devid: int, code: str, message: str) -> UnreadReport:
        todo = "its addresses stay; look at isi_net daemon on that node"
        return UnreadReport(devid, Finding(f"node {devid}", code, "error", message, todo))


def _stamp(entry: os.DirEntry[str]) -> Stamp:
    """The stamp of what was listed; of what cannot be looked at, one that nothing has: reading says why."""
    try:
        return Stamp.of(entry.stat(follow_symlinks=False))
    except OSError:
        return _NO_STAMP


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether a regular file was listed, or what reading may find there again, or says more of."""
    try:
        return entry.is_file(follow_symlinks=False) or not os.path.lexists(entry.path)
    except OSError:
        return True
