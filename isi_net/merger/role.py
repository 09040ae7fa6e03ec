"""The merger's role: standing in line for it, taking it, holding it, giving it back.

The lock says who may try; the fence (`store/staging.py`) says who can.  Whoever was paused, cut off or
overtaken learns it here, before its next write, as RoleLost.
"""

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace

from isi_net.errors import Error, Fenced, LockLost, Overdue, Refused, RoleLost
from isi_net.formats import tenure as tenure_format
from isi_net.model.network import Node
from isi_net.model.tenure import KEPT, Tenure, next_term
from isi_net.store import atomic, staging
from isi_net.store.lock import FileLock
from isi_net.store.read import names
from isi_net.store.tree import TENURE, TERM, Tree, number_in

REST_SECONDS = 5.0
_LOOKS_IN_A_DEADLINE = 4

# So long nothing but failing turns, and another node may fare better.
FAILING_DEADLINES = 3

_ENDINGS: dict[type[RoleLost], str] = {Fenced: "fenced", LockLost: "lock lost", Overdue: "deadline"}


class Role:
    """One daemon's part in the election.

    `clock` gives seconds since the epoch, `ticking` seconds that never jump and go on while the machine
    sleeps (CLOCK_BOOTTIME), `wake` is called from another thread when the lock was granted.
    """

    def __init__(
        self,
        tree: Tree,
        node: Node,
        pid: int,
        deadline: float,
        clock: Callable[[], float],
        ticking: Callable[[], float],
        wake: Callable[[], None] | None,
    ) -> None:
        """`deadline` is in seconds; without `wake` nobody waits in the kernel, and each turn tries once."""
        self._tree, self._node, self._pid = tree, node, pid
        self.deadline, self._clock, self._ticking, self._wake = deadline, clock, ticking, wake
        self._lock = FileLock(tree.merger_lock)
        self._waiting = False
        self._rest_until = 0.0
        self._last_term = 0
        self._last_check = 0.0
        self._failing_since: float | None = None
        self.tenure: Tenure | None = None
        self.staging = ""

    def turn(self, term_published: Callable[[], int]) -> Tenure | None:
        """Begins a turn: the tenure when the role is ours, taking it when it is to be had, else None.

        `term_published` gives the term of the current configuration, and is called only when the role is
        taken.  Raises RoleLost when it was ours and is no more.
        """
        if self.tenure is not None:
            self.check()
            return self.tenure
        if self._resting():
            return None
        try:
            self._lock.open()
            if not self._lock.at_its_path():
                # Somebody replaced the file that we stand in line at: the line is elsewhere now.
                self._leave_line()
                self._lock.open()
            if not self._lock.try_now():
                self._stand_in_line()
                return None
        except Error:
            self._leave_line()  # a descriptor that gives errors does so for ever: the next turn has a new one
            raise
        try:
            return self._take(term_published)
        except Error:
            self._end("not taken")  # whoever cannot take office does not keep the lock from a node that can
            raise

    def keep(self) -> None:
        """`check`, where the last one is a while ago: for long work between two calls that are not long."""
        if self._ticking() - self._last_check > self.deadline / _LOOKS_IN_A_DEADLINE:
            self.check()

    def check(self) -> None:
        """Raises RoleLost unless the role is ours still: locked, not fenced off, and within the deadline.

        The deadline comes last: it counts how long the other questions took as well.
        """
        self._lock.check()
        staging.check(self.staging)
        self._keep_deadline()

    def _keep_deadline(self) -> None:
        now = self._ticking()
        if now - self._last_check > self.deadline:
            raise Overdue(
                f"{now - self._last_check:.1f} s passed between two looks at the lock, "
                f"deadline {self.deadline:g} s",
                self._tree.ifs,
                "is the shared file system slow or cut off?",
            )
        self._last_check = now

    def end_turn(self) -> None:
        """Shows that a turn has ended, by the time of the tenure's file.  Raises Overdue when it is late."""
        if self.tenure is None:
            return
        self._keep_deadline()
        self._failing_since = None
        try:
            atomic.touch(self._tree.tenure(self.tenure.term))
        except FileNotFoundError:
            self.check()  # somebody deleted it; or all of the file system is gone
            self._write_tenure()

    def rested(self, seconds: float) -> None:
        """The loop slept on purpose for so long: that was not the file system's time.

        What the daemon's other parts did since the last look was, and counts.
        """
        self._last_check += seconds

    def lost(self, why: RoleLost) -> None:
        """Drops the role that is not ours any more, and stands in line again at the next turn."""
        self._end(_ENDINGS.get(type(why), "lost"))

    def failed(self) -> None:
        """A turn came to nothing: the role goes to a node that fares better, if it has long been so.

        One that only stands in line leaves it: what it would be granted, it could not use.
        """
        if self.tenure is None:
            self._leave_line()
            return
        now = self._ticking()
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since > FAILING_DEADLINES * self.deadline:
            self.give_back("failing")

    def give_back(self, why: str, rest: bool = True) -> None:
        """Gives the role to whoever waits; with `rest`, this node lets another have it first."""
        if rest:
            self._rest_until = self._ticking() + REST_SECONDS
        self._end(why)

    def forget_old_tenures(self) -> None:
        """Removes the records of all but the newest terms, and what was half written of one an hour ago."""
        found = names(self._tree.tenures)
        known = sorted(number for name in found if (number := number_in(name, TENURE)))
        for term in known[:-KEPT]:
            atomic.remove(self._tree.tenure(term))
        for name in found:
            staged, path = atomic.staged_name(name), os.path.join(self._tree.tenures, name)
            # Half written by one who died of it; or by the last holder, who is just writing why he ended.
            if staged and number_in(staged, TENURE) and staging.is_abandoned(path, self._clock()):
                atomic.remove(path)

    def _resting(self) -> bool:
        """Whether we gave the role back and nobody else has had it yet, for 5 s at most."""
        if self._ticking() >= self._rest_until:
            return False
        if next_term(staging.terms(self._tree)) > self._last_term + 1:
            self._rest_until = 0.0
            return False
        return True

    def _stand_in_line(self) -> None:
        if self._wake is not None and not self._waiting:
            self._lock.wait(self._wake)
            self._waiting = True

    def _leave_line(self) -> None:
        self._waiting = False
        self._lock.close()

    def _take(self, term_published: Callable[[], int]) -> Tenure | None:
        """The lock was granted: fence the others off, then write down who is in office."""
        self._last_check = self._ticking()
        term = next_term([*staging.terms(self._tree), term_published()])
        if not TERM.fullmatch(str(term)):
            what, todo = f"term {term} is beyond counting", "delete the file with the highest number there"
            raise Refused(what, self._tree.tenures, todo)
        try:
            if not self._lock.at_its_path():
                raise LockLost("the lock file was replaced", self._tree.merger_lock)
            self.staging = staging.enter(self._tree, term)
        except LockLost:
            self._leave_line()
            return None
        self._last_term = term
        self.tenure = Tenure(
            term, self._node.devid, self._node.lnn, self._node.name, self._pid, self._clock()
        )
        self._waiting = False
        self._write_tenure()
        self._lock.sign(str(self._node.devid))
        return self.tenure

    def _end(self, why: str) -> None:
        if self.tenure is not None:
            self.tenure = replace(self.tenure, until=self._clock(), ended=why)
            # Where what we wrote is not there, another file system is, or none: nothing is made there.
            if os.path.lexists(self._tree.tenure(self.tenure.term)):
                with contextlib.suppress(Error):  # it is for people; that we stop must not wait for it
                    self._write_tenure()
        self.tenure, self.staging, self._failing_since = None, "", None
        self._leave_line()

    def _write_tenure(self) -> None:
        if self.tenure is not None:
            atomic.replace(self._tree.tenure(self.tenure.term), tenure_format.render(self.tenure))
