"""Flexnet's part of the daemon: this node's NICs get what the published configuration gives them.

A turn compares, by netlink, and takes the steps of `model/applying.py`.  One in which neither the
configuration nor anything in the kernel changed lists the revisions and reads a socket.  Whatever ends the
daemon between two steps, its next start finds the difference and goes on.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from isi_net.errors import Refused, Unreadable
from isi_net.flexnet import published
from isi_net.flexnet.netlink import Changes, Kernel, NotPermitted, unsupported
from isi_net.flexnet.probe import RFC_5227, Announcement, Probe, Timing
from isi_net.formats import applied as file
from isi_net.model.applying import Plan, plan
from isi_net.model.finding import Finding
from isi_net.model.network import Configuration, Node
from isi_net.model.nics import AddressKey, Applied, AppliedAddress, Present
from isi_net.model.service import FLEXNET, Service, State
from isi_net.model.steps import AddAddress, AddRoute, AddRule, DeleteAddress, ReplaceRoute, SetMtu, Step
from isi_net.model.turn import Turn
from isi_net.model.wanted import Wanted, wanted
from isi_net.store.own_file import OwnFile
from isi_net.store.tree import Tree

# How long an address that somebody else uses is left alone before the network is asked again.  Two nodes
# that change addresses with each other see each other's for a moment, so it begins short (RFC 5227,
# RATE_LIMIT_INTERVAL, is the most).
_AGAIN_SECONDS, _AGAIN_MOST_SECONDS = 2.0, 60.0

_Key = tuple[str, IPv4Address]  # an address on a NIC, whatever its prefix


def state_file(tree: Tree) -> OwnFile[Applied]:
    """Where it is written down what was applied."""
    return OwnFile(tree.applied, file.MAX, file.parse)


@dataclass(frozen=True, slots=True)
class _Duplicate:
    """An address that somebody else uses: who, when to ask again, and how long to wait after that."""

    mac: str
    again: float
    pause: float


class Flexnet:
    """Applies the configuration to one node's NICs, turn by turn."""

    def __init__(
        self,
        network: published.Following,
        node: Node,
        interfaces: Mapping[str, str],
        now: Callable[[], float],
        clock: Callable[[], float],
        wake: Callable[[], None],
        timing: Timing = RFC_5227,
        may_go_on: Callable[[Step], None] = lambda _: None,
    ) -> None:
        """`interfaces` maps the cluster's names to the NICs'; `now` is in seconds since the epoch, `clock` in
        seconds that never jump; `wake` has the next turn come soon, from any thread; `may_go_on` is asked
        before each step, and raises when it must not be taken.
        """
        self._network, self._node, self._interfaces = network, node, dict(interfaces)
        self._now, self._clock, self._wake = now, clock, wake
        self._timing, self._may_go_on = timing, may_go_on
        self._file = state_file(network.tree)
        self._kernel: Kernel | None = None
        self._changes: Changes | None = None
        self._read: Configuration | None = None
        self._settled: Turn | None = None  # how the last turn ended, when there is nothing left to do
        self._probes: dict[_Key, Probe] = {}
        self._clear: dict[_Key, str] = {}  # what nobody else uses, and why that is not known for certain
        self._duplicates: dict[_Key, _Duplicate] = {}

    def service(self, wish: bool | None) -> Service:
        """What is said of the service; `wish` is what somebody said of it, None when nobody did."""
        reason = "nobody enabled it" if wish is None else "by hand"
        state: State = "running" if wish else "stopped"
        return Service(FLEXNET, enabled=bool(wish), by_hand=wish is not None, state=state, reason=reason)

    def close(self) -> None:
        """Lets go of the kernel.  Everything stays as it is: the cluster goes on serving."""
        for one in (self._kernel, self._changes):
            if one is not None:
                one.close()
        self._kernel = self._changes = None
        self._settled = None
        # What the network said of addresses may not be so any more when somebody asks us to go on.
        for record in (self._probes, self._clear, self._duplicates):
            record.clear()

    def turn(self) -> Turn:
        """One turn.  Raises what reading the configuration raises; then nothing is changed."""
        if (why := unsupported()) is not None:
            return Turn(why.what, (Finding("Flexnet", "not_supported", "error", why.what, why.todo),))
        configuration, is_new = self._configuration()
        if self._kernel is None or self._changes is None:
            self.close()
            self._changes, self._kernel = Changes(), Kernel()  # first the ear, so that nothing is missed
        if not self._changes.any() and not is_new and self._settled is not None:
            return self._settled
        self._settled = None
        try:
            turn, done = self._apply(self._kernel, configuration)
        except Unreadable:
            self.close()  # whatever is wrong with the socket, the next turn has another
            raise
        if done:
            self._settled = turn
        return turn

    def _configuration(self) -> tuple[Configuration, bool]:
        """The current configuration, and whether it is another than at the last turn."""
        configuration = self._network.look().configuration
        last, self._read = self._read, configuration
        return configuration, last is not configuration

    def _apply(self, kernel: Kernel, configuration: Configuration) -> tuple[Turn, bool]:
        """Makes the difference; gives back how that went, and whether nothing is left to do."""
        should = wanted(configuration, self._node, self._interfaces)
        present = kernel.present(should.destinations)
        before = self._file.lying_there() or Applied()
        first = plan(should, present, before, state_file=self._file.path)
        if first.ours is None:  # there is nothing published, or nothing newer than what was applied
            why = "" if should.committed else "the upgrade is not committed, "
            return Turn(f"revision {should.revision}: {why}nothing is changed", first.findings), True
        waiting, refused = self._ask_network(first, present, should)
        made = plan(should, present, before, waiting, refused)
        ours = made.ours or frozenset()
        adding = {step[:2] for step in made.steps if isinstance(step, AddAddress)}
        if adding and not present.marks:
            # First written down, then done: else it would be taken for somebody else's after a crash.
            self._write(replace(before, addresses=self._addresses(before, should, ours | adding)))
        walked = self._walk(kernel, made.steps, should)
        ours = (ours | walked.added) - walked.removed
        findings = (*walked.findings, *self._doubts())
        whole = walked.whole and not (waiting or refused)
        revision = should.revision if whole else before.revision
        self._write(
            Applied(
                revision=revision,
                when=int(self._now()) if walked.done or revision != before.revision else before.when,
                addresses=self._addresses(before, should, ours),
                duplicates=tuple(sorted((key[1], one.mac) for key, one in self._duplicates.items())),
                findings=findings,
            )
        )
        done = whole and not made.steps
        return Turn(_sentence(should, ours, waiting), (*made.findings, *findings)), done

    # Whether somebody else uses an address.

    def _ask_network(
        self, first: Plan, present: Present, should: Wanted
    ) -> tuple[set[IPv4Address], dict[IPv4Address, str]]:
        """The addresses to wait for, and those that somebody else uses, with his MAC."""
        known = {(one.nic, one.address.ip) for one in should.addresses}
        for record in (self._probes, self._clear, self._duplicates):
            for key in record.keys() - known:
                del record[key]
        # What was there, and we know it, can come back without asking.
        there = {(one.nic, one.address.ip) for one in present.addresses}
        for key in (there & known) - self._duplicates.keys():
            self._clear.setdefault(key, "")
        macs = {link.mac for link in present.links.values()}
        waiting: set[IPv4Address] = set()
        refused: dict[IPv4Address, str] = {}
        disputed = [
            one for one in should.addresses if (one.nic, one.address.ip) in there & self._duplicates.keys()
        ]
        for one in (*first.to_probe, *disputed):
            key = (one.nic, one.address.ip)
            self._hear(key)
            if key in self._clear:
                continue
            duplicate = self._duplicates.get(key)
            link = present.links[one.nic]
            due = duplicate is None or self._clock() >= duplicate.again
            if key not in self._probes and due and link.up and link.carrier:
                self._probes[key] = Probe(one.nic, one.address.ip, macs, self._timing, self._wake)
            if duplicate is None:
                waiting.add(one.address.ip)
            else:
                refused[one.address.ip] = duplicate.mac
        return waiting, refused

    def _hear(self, key: _Key) -> None:
        """Takes note of a probe that is over."""
        probe = self._probes.get(key)
        outcome = probe.outcome if probe is not None else None
        if outcome is None:
            return
        del self._probes[key]
        before = self._duplicates.pop(key, None)
        if outcome.user:
            pause = min(_AGAIN_MOST_SECONDS, 2 * before.pause) if before else _AGAIN_SECONDS
            self._duplicates[key] = _Duplicate(outcome.user, self._clock() + pause, pause)
        else:
            self._clear[key] = outcome.error

    def _doubts(self) -> list[Finding]:
        found = []
        for (nic, address), error in self._clear.items():
            if error:
                what = f"whether anybody else uses {address} could not be asked: {error}"
                todo = "run the daemon as root, or with CAP_NET_RAW (capabilities(7))"
                found.append(Finding(f"NIC {nic}", "address_unprobed", "warning", what, todo))
        return found

    # Doing.

    def _walk(self, kernel: Kernel, steps: Iterable[Step], should: Wanted) -> "Walked":
        def take(step: Step) -> None:
            self._may_go_on(step)
            kernel.take(step)

        walked = walk(take, steps)
        for one in should.addresses:
            if one.probed and (one.nic, one.address) in walked.added:
                Announcement(one.nic, one.address.ip, self._timing)
        return walked

    def _addresses(
        self, before: Applied, should: Wanted, ours: Iterable[AddressKey]
    ) -> tuple[AppliedAddress, ...]:
        """`ours` with the newest revision that gives each to this node, and since when it is there."""
        known = {(one.nic, one.address): one for one in before.addresses}
        wants = {(one.nic, one.address) for one in should.addresses}
        now = int(self._now())
        addresses = []
        for key in sorted(ours):
            was = known.get(key, AppliedAddress(*key, 0, now))
            given = key in wants
            addresses.append(was._replace(revision=should.revision, lnn=should.lnn) if given else was)
        return tuple(addresses)

    def _write(self, state: Applied) -> None:
        if state != self._file.lying_there():
            self._file.put(file.render(state))


@dataclass(slots=True)
class Walked:
    """What came of a walk: the addresses that were added and removed, what failed, and whether all else
    was done: without its MTU a NIC serves as well.  `done` counts the steps that were taken."""

    added: set[AddressKey] = field(default_factory=set)
    removed: set[AddressKey] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    whole: bool = True
    done: int = 0


_OF_THEIR_OWN = (AddRoute, ReplaceRoute, AddRule)  # none of these needs another one


def walk(take: Callable[[Step], None], steps: Iterable[Step]) -> Walked:
    """Takes the steps, each by `take`, which raises Refused when the kernel will not.

    Where one fails, those on its NIC that follow are left for another turn, and an address that could not
    be added there is removed nowhere.  A route or a rule that fails holds up only what is removed, so that
    the way out is not lost; one to a single network holds up nothing.
    """
    walked = Walked()
    failed: set[str | IPv4Address] = set()
    lacking: set[str] = set()  # the NICs that keep what they have
    for step in steps:
        if step.nic in failed or (isinstance(step, DeleteAddress) and step.address.ip in failed):
            continue
        if step.nic in lacking and not isinstance(step, _OF_THEIR_OWN):
            continue
        try:
            take(step)
        except NotPermitted as error:
            walked.findings.append(Finding("Flexnet", "no_permission", "error", error.what, error.todo))
            walked.whole = False
            break
        except Refused as error:
            place = f"NIC {step.nic}"
            if isinstance(step, SetMtu):
                walked.findings.append(Finding(place, "mtu_refused", "warning", error.what, error.todo))
                continue
            walked.findings.append(Finding(place, "step_failed", "error", error.what, error.todo))
            walked.whole = False
            if not isinstance(step, _OF_THEIR_OWN):
                failed.add(step.nic)
            elif isinstance(step, AddRule) or not step.route.destination.prefixlen:
                lacking.add(step.nic)
            if isinstance(step, AddAddress):
                failed.add(step.address.ip)
        else:
            walked.done += 1
            if isinstance(step, AddAddress):
                walked.added.add(step[:2])
            elif isinstance(step, DeleteAddress):
                walked.removed.add(step[:2])
    return walked


def _sentence(should: Wanted, ours: Iterable[AddressKey], waiting: Iterable[IPv4Address]) -> str:
    said = ", ".join(f"{nic} {address.ip}" for nic, address in sorted(ours)) or "no address of ours"
    asked = ", ".join(map(str, sorted(waiting)))
    return f"revision {should.revision}: {said}" + (f"; asking the network for {asked}" if asked else "")
