"""The reports as they lie on the shared file system: read when they changed, each on its own."""

import os
import stat
import time

from isi_net.errors import FormatError, NewerSchema, Unknown, Unreadable
from isi_net.formats import node_report
from isi_net.model.finding import Finding
from isi_net.model.report import Report, UnreadReport
from isi_net.store.read import PATIENCE_SECONDS, Stamp, Unchanged, explain, read_seen
from isi_net.store.tree import Tree, number_in


class Inbox:
    """All nodes' reports.  Whoever keeps one and reads again pays for what changed."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._unchanged = Unchanged()
        self._known: dict[int, Report | UnreadReport] = {}
        self._reports: tuple[Report | UnreadReport, ...] = ()

    def read(self) -> tuple[Report | UnreadReport, ...]:
        """Every report by devid; the very same tuple as last time when nothing changed.

        Raises Unreadable when the directory cannot be listed; one that is not there holds no reports.
        """
        found: dict[int, Report | UnreadReport] = {}
        until = time.monotonic() + PATIENCE_SECONDS
        for devid, path, status in self._listing():
            stamp = Stamp.of(status)
            known = self._known.get(devid)
            if known is not None and self._unchanged.is_current(path, stamp):
                found[devid] = known
                continue
            # Patience once for all, and once for each state: a file that stays empty must not cost
            # its time at every turn.
            waited = isinstance(known, UnreadReport) and self._unchanged.was_seen(path, stamp)
            patience = 0.0 if waited else max(0.0, until - time.monotonic())
            read = self._read_one(devid, path, stamp, patience)
            found[devid] = known if known == read and known is not None else read
        self._unchanged.keep(self._tree.report(devid) for devid in found)
        if found != self._known or len(found) != len(self._reports):
            self._known, self._reports = found, tuple(found.values())
        return self._reports

    def _listing(self) -> list[tuple[int, str, os.stat_result]]:
        try:
            with os.scandir(self._tree.reports) as entries:
                listing = []
                for entry in entries:
                    devid = number_in(entry.name)
                    if devid is not None and entry.name == f"node.{devid}":
                        try:
                            listing.append((devid, entry.path, entry.stat(follow_symlinks=False)))
                        except FileNotFoundError:
                            continue  # retired while we looked
                return sorted(listing, key=lambda one: one[0])
        except FileNotFoundError:
            return []
        except OSError as error:
            raise explain(error, self._tree.reports) from error

    def _read_one(self, devid: int, path: str, stamp: Stamp, patience: float) -> Report | UnreadReport:
        try:
            if stat.S_ISLNK(os.lstat(path).st_mode):
                raise Unreadable(
                    "a symbolic link", path, "take it away: a report is a file of its node's own"
                )
            data, stamp = read_seen(path, node_report.MAX, patience)
            report = node_report.parse(data, path)
            if report.devid != devid:
                code, what = "report_foreign", f"it says it is of devid {report.devid}"
                finding = Finding(f"node {devid}", code, "error", f"{path}: {what}", "delete the file")
                return UnreadReport(devid, finding)
        except NewerSchema as error:
            return self._unread(devid, "report_newer", str(error))
        except FormatError as error:
            return self._unread(devid, "report_broken", str(error))
        except Unknown as error:
            return self._unread(devid, "report_unknown", str(error))
        except (Unreadable, FileNotFoundError) as error:
            return self._unread(devid, "report_unreadable", str(error))
        finally:
            self._unchanged.was_read(path, stamp)
        return report

    @staticmethod
    def _unread(devid: int, code: str, message: str) -> UnreadReport:
        todo = "its addresses stay; look at isi_net daemon on that node"
        return UnreadReport(devid, Finding(f"node {devid}", code, "error", message, todo))
