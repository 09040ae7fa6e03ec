"""A report: one node's testimony of what it was leased, by whom, until when, and what it could not read."""

from typing import NamedTuple

from isi_net.model.finding import Finding
from isi_net.model.lease import Lease

REWRITE_SECONDS = 300
OLD_SECONDS = 900
SKEW_SECONDS = 120


class Report(NamedTuple):
    """What one node testifies.  `addresses` are the interfaces' current leases, without their options.

    `manager` is the external manager by the node's own lights (`AWS`, `DHCP` …), `source` the kind of
    client whose lease files were read, `version` that of the daemon, `reported_at` seconds since the epoch.
    """

    devid: int
    lnn: int
    node: str
    manager: str
    source: str
    version: str
    reported_at: int
    addresses: tuple[Lease, ...] = ()
    problems: tuple[Finding, ...] = ()

    def is_old(self, now: float) -> bool:
        """Whether its node has been silent for too long at `now`, in seconds since the epoch."""
        return now - self.reported_at > OLD_SECONDS

    def is_ahead(self, now: float) -> bool:
        """Whether it is of a time that `now` has not come to, and no clock is so far off by chance."""
        return self.reported_at > now + SKEW_SECONDS

    def differs(self, older: "Report") -> bool:
        """Whether this report says anything that `older` did not, or says it so much later that it
        must be written again to show that the node lives."""
        return self._replace(reported_at=older.reported_at) != older or not (
            0 <= self.reported_at - older.reported_at < REWRITE_SECONDS
        )

    def is_anothers(self, ours: "Report") -> bool:
        """Whether another daemon wrote this report, by the one who wrote `ours` last and finds this instead.

        One that was restored is older; and one that says the same, only later, may be ours all the same, of
        a machine that went back to a former state of itself.
        """
        says_the_same = self._replace(reported_at=ours.reported_at) == ours
        return self.reported_at >= ours.reported_at and not says_the_same


class UnreadReport(NamedTuple):
    """A report that is there and cannot be used: broken, foreign, of a newer schema, unreadable just now."""

    devid: int
    finding: Finding
