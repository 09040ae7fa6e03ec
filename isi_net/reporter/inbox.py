"""The reports as they lie on the shared file system: read when they changed, each on its own."""

import os
import stat
import time
from collections.abc import Callable, Iterator

from isi_net.errors import FormatError, NewerSchema, Unknown, Unreadable
from isi_net.formats import node_report
from isi_net.model.finding import Finding
from isi_net.model.report import Report, UnreadReport
from isi_net.store.familiar import refuse_unfamiliar
from isi_net.store.read import PATIENCE_SECONDS, Stamp, Unchanged, explain, read_seen
from isi_net.store.tree import REPORT, Tree, number_in

# Of a report that was listed and then could not be looked at.
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
        paths = []
        until = self._clock() + self._patience
        for devid, path, stamp, regular in self._listing():
            self._go_on()
            paths.append(path)
            known = self._known.get(devid)
            if known is not None and self._unchanged.is_current(path, stamp):
                found[devid] = known
                continue
            # Patience once for all, and once for each state: a file that stays empty must not cost
            # its time at every turn.
            waited = isinstance(known, UnreadReport) and self._unchanged.was_seen(path, stamp)
            patience = 0.0 if waited else max(0.0, until - self._clock())
            read = self._read_one(devid, path, stamp, patience) if regular else self._not_a_file(devid, path)
            found[devid] = known if known == read and known is not None else read
        if found.keys() != self._known.keys():
            self._unchanged.keep(paths)
        if found != self._known:
            self._known = found
            self._reports = tuple(found[devid] for devid in sorted(found))
        return self._reports

    def _listing(self) -> Iterator[tuple[int, str, Stamp, bool]]:
        """Of each report: whose it is, its path, its stamp, and whether it is a regular file."""
        try:
            with os.scandir(self._tree.reports) as entries:
                listed = list(entries)
        except FileNotFoundError:
            return
        except OSError as error:
            raise explain(error, self._tree.reports) from error
        if len(self._devids) > 2 * len(listed):
            self._devids = {}  # names that are gone, hidden ones above all
        for entry in listed:
            name = entry.name
            if name not in self._devids:
                self._devids[name] = number_in(name, REPORT)
            devid = self._devids[name]
            if devid is None:
                continue
            try:
                status = entry.stat(follow_symlinks=False)
                yield devid, entry.path, Stamp.of(status), stat.S_ISREG(status.st_mode)
            except OSError:
                # Reading says why; or the name, just seen, is there again.
                yield devid, entry.path, _NO_STAMP, True

    def _read_one(self, devid: int, path: str, stamp: Stamp, patience: float) -> Report | UnreadReport:
        try:
            data, stamp = read_seen(path, node_report.MAX, patience)
        except Unreadable as error:
            self._unchanged.was_refused(path, stamp)
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
