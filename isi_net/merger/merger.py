"""One turn of the merger: take or keep the role, read, decide, publish, put right.

On a cluster whose upgrade is not committed it takes the role and reads, and publishes nothing, not even a
second name: whatever another release has there, stays.

A turn in which nothing changed lists the reports, the revisions and what lies beside them, looks at each
report and at the newest revision, asks for the lock, and sets one time.  One in which a report was written
again, to show that its node lives, reads that one besides.
"""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from isi_net.errors import Conflict, FormatError, RoleLost, Unreadable, Unwritable
from isi_net.flexnet import published
from isi_net.flexnet.publish import publish
from isi_net.flexnet.second_names import Members, SecondName, edited_by_hand
from isi_net.merger.role import Role
from isi_net.model.finding import Finding
from isi_net.model.merge import merge, next_change, nothing_new
from isi_net.model.network import Configuration, Node
from isi_net.model.report import Report, UnreadReport
from isi_net.model.turn import Turn
from isi_net.reporter.inbox import Inbox
from isi_net.store import atomic, staging
from isi_net.store.read import PATIENCE_SECONDS, read
from isi_net.store.tree import Tree

SWEEP_SECONDS = 600.0


class Merger:
    """The merger of one daemon; `log` takes the line that says that the role was taken."""

    def __init__(
        self,
        tree: Tree,
        node: Node,
        role: Role,
        network: published.Following,
        clock: Callable[[], float],
        log: Callable[[str], None],
    ) -> None:
        self._tree, self._node, self._clock, self._log = tree, node, clock, log
        self.role = role
        self._said: tuple[Finding, ...] = ()
        self._network = network
        self._forget()

    def _forget(self) -> None:
        """What a former tenure knew may be old: it is read again.  The network is looked at at every turn."""
        # A file that is empty just now may cost a part of the deadline, never all of it.
        patience = min(PATIENCE_SECONDS, self.role.deadline / 3)
        self._inbox = Inbox(self._tree, patience=patience, go_on=self.role.keep)
        self._second_name = SecondName(self._tree)
        self._members = Members(self._tree)
        # Of which reports, and in which configuration, the last decision was made.
        self._merged_of: tuple[Report | UnreadReport, ...] | None = None
        self._merged_in: published.Published | None = None
        self._merged_for = (0.0, 0.0)  # from when until when, by the clock, the last decision stands
        self._findings: tuple[Finding, ...] = ()
        self._swept = 0.0

    def turn(self) -> Turn:
        """One turn.  Errors of the file system and of broken configurations come through, for the log."""
        had = self.role.tenure
        try:
            tenure = self.role.turn(self._term_published)
            if tenure is None:
                self._prepare()
                # What we said last is not untrue because we look no more: who took over says what is.
                line = "another node has the IPMerger role, or it is to be had soon: standing in line"
                return Turn(line, self._said)
            if tenure != had:
                self._log("Taking ownership of the IPMerger role")
                self._forget()
                self.role.forget_old_tenures()
            if self._asked_to_step_down(tenure.term):
                self.role.give_back("stepped down")
                return Turn("Gave the IPMerger role to another, as asked", self._said)
            turn = self._merge(tenure.term)
            self.role.end_turn()
            return turn
        except RoleLost as lost:
            self.role.lost(lost)
            return Turn(f"Lost ownership of the IPMerger role: {lost}", self._said, again=True)
        except Conflict as lost:
            return Turn(f"somebody else published first: {lost}", self._said, again=True)

    def _prepare(self) -> None:
        """Reads what is published once while standing in line: the first time takes longest, and whoever
        is granted the role then has to read only what is new.
        """
        if self._network.last is None:
            with contextlib.suppress(Unreadable, FormatError):  # who has the role says why
                self._network.look()

    def _asked_to_step_down(self, term: int) -> bool:
        """Whether somebody wants this very term ended; a request is answered, or old, and taken away."""
        try:
            data, _ = read(self._tree.step_down, 64)
        except Unreadable:
            return False
        atomic.remove(self._tree.step_down)
        return data.strip() == str(term).encode()

    def _term_published(self) -> int:
        return self._network.look().configuration.term

    def _merge(self, term: int) -> Turn:
        now = self._clock()
        directory = self.role.staging
        reports = self._inbox.read()
        before = self._network.look()
        first, last = self._merged_for
        if before is self._merged_in and first <= now < last and self._heard_before(reports, now):
            if reports is not self._merged_of:  # times went on
                self._merged_of, self._merged_for = reports, (first, next_change(reports, now))
        else:
            self._merged_of = None  # until what was decided is published: a failure is tried again
            merged = merge(before.configuration, reports, now)
            self._findings = merged.findings
            if not merged.configuration.same_network(before.configuration):
                author = f"{self._node.name}(id{self._node.devid}) IPMerger, term {term}"
                after = replace(merged.configuration, term=term, published=int(now), author=author)
                before = publish(self._tree, directory, before, after, self.role.check)
                self._network.note(before)
            self._merged_of, self._merged_in = reports, before
            self._merged_for = (now, next_change(reports, now))
        late: tuple[Finding, ...] = ()
        if before.revision.data and before.configuration.settings.committed:
            late = self._put_right(directory, before)
        if now - self._swept > SWEEP_SECONDS:
            staging.sweep_commands(self._tree, now)
            self._swept = now
        self._said = (*self._findings, *late, *edited_by_hand(self._tree))
        return Turn(_sentence(before.configuration, reports), self._said)

    def _heard_before(self, reports: tuple[Report | UnreadReport, ...], now: float) -> bool:
        """Whether `reports` are those of the last decision, or say the same."""
        known = self._merged_of
        return reports is known or (known is not None and nothing_new(known, reports, now))

    def _put_right(self, directory: str, what: published.Published) -> tuple[Finding, ...]:
        """Has the second names say what is published; one that cannot just now keeps back no other."""
        late = []
        for settle in (
            partial(self._members.settle, directory, what.configuration, self.role.check),
            partial(self._second_name.settle, directory, what.revision),
        ):
            try:
                settle()
            except (Unreadable, Unwritable) as why:
                late.append(Finding(why.where, "second_name_late", "warning", why.what, why.todo))
        return tuple(late)


def _sentence(configuration: Configuration, reports: tuple[Report | UnreadReport, ...]) -> str:
    if not configuration.settings.committed:
        return (
            f"revision {configuration.revision}: the upgrade is not committed, nothing is published; "
            f"reports: {len(reports)}"
        )
    pools = [pool for _, pool in configuration.pools() if pool.externally_managed]
    addresses = sum(len(pool.assignments) for pool in pools)
    return (
        f"revision {configuration.revision}: leased addresses: {addresses}, "
        f"externally managed pools: {len(pools)}, reports: {len(reports)}"
    )
