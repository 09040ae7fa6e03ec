"""One turn of the reporter: what the leases say, testified, and written when it would differ."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from isi_net.formats import node_report
from isi_net.model.addresses import why_nobodys
from isi_net.model.finding import Finding
from isi_net.model.lease import Lease
from isi_net.model.network import Node
from isi_net.model.report import OLD_SECONDS, Report
from isi_net.model.text import first_few, printable
from isi_net.store.own_file import OwnFile
from isi_net.store.tree import Tree

_LONGEST_NAME = 64  # of a node, where it is quoted


@dataclass(frozen=True, slots=True)
class Witness:
    """Who testifies: the node, the external manager as it sees it, the kind of client, our version."""

    node: Node
    manager: str
    source: str
    version: str


def testify(
    witness: Witness,
    leases: Mapping[str, Lease | None],
    problems: Iterable[Finding],
    previous: Report | None,
    now: float,
    twin: Report | None = None,
) -> Report:
    """The node's report of its interfaces' current leases.

    An interface without a readable lease keeps what was last reported of it: a client that is writing its
    file, or has lost it, has not lost its address.  `now` is in seconds since the epoch.  `twin` is what
    another daemon reported under our devid.
    """
    found = list(problems)
    before = {lease.interface: lease for lease in previous.addresses} if previous else {}
    addresses = []
    for interface, lease in sorted(leases.items()):
        said = lease or before.get(interface)
        if said is None:
            continue
        if why := why_nobodys(said.address):
            found.append(
                Finding(
                    f"node {witness.node.devid} {interface}",
                    "address_nobodys",
                    "error",
                    f"is leased {said.address}, {why}: it is not used",
                    "look at the DHCP server",
                )
            )
        else:
            addresses.append(said._replace(interface=interface, options=(), problems=()))
    report = Report(
        devid=witness.node.devid,
        lnn=witness.node.lnn,
        node=witness.node.name,
        manager=witness.manager,
        source=witness.source,
        version=witness.version,
        reported_at=int(now),
        addresses=tuple(addresses),
        problems=tuple(found),
    )
    if twin is None:
        return report
    return report._replace(problems=(_devid_twice(report, twin), *report.problems))


def _devid_twice(one: Report, other: Report) -> Finding:
    """In the same words by each of the two: their reports lie there in turns, and it is to stay."""
    what = f"several daemons report under this devid: {' and '.join(sorted(map(_who, (one, other))))}"
    return Finding(
        f"node {one.devid}", "devid_twice", "error", what, "give each node its own devid in isi_net.toml"
    )


def _who(report: Report) -> str:
    addresses = first_few([f"{lease.interface} {lease.address}" for lease in report.addresses])
    name = printable(report.node)[:_LONGEST_NAME]
    return f"{name} (LNN {report.lnn}, {addresses or 'no address'})"


class Reporter:
    """The reporter of one daemon."""

    def __init__(self, tree: Tree, witness: Witness, clock: Callable[[], float]) -> None:
        self._witness, self._clock = witness, clock
        self._file = OwnFile(tree.report(witness.node.devid), node_report.MAX, node_report.parse)
        self._last: Report | None = None
        self._written: Report | None = None  # what must lie there when nobody else writes under our devid
        self._twin: Report | None = None
        self._twin_seen = 0.0

    def turn(
        self,
        leases: Mapping[str, Lease | None],
        problems: Iterable[Finding],
        source: str = "",
        manager: str | None = None,
    ) -> Report:
        """Writes the report when, and only when, it would differ from the one that lies there.

        `source` is the kind of client that the leases are of, and `manager` who allocates the addresses
        (empty: nobody can tell), when they are not the witness's.
        Gives back the report as it stands.  Raises Unwritable or Unreadable, and NewerSchema when a newer
        release wrote the one that lies there.
        """
        now = self._clock()
        previous = self._read(now)
        witness = replace(
            self._witness,
            source=source or self._witness.source,
            manager=self._witness.manager if manager is None else manager,
        )
        report = testify(witness, leases, problems, self._last, now, self._twin)
        data = node_report.render(report)
        report = node_report.parse(data, self._file.path)  # as others will read it: what is too long is cut
        if previous is not None and not report.differs(previous):
            return previous
        self._written = None  # of a put that fails nobody knows whether it lies there
        self._file.put(data)
        self._last = self._written = report
        return report

    def _read(self, now: float) -> Report | None:
        """What lies there of this devid's; it is remembered what it said, and whether another wrote it."""
        found = self._file.lying_there()
        if found is not None and found.devid != self._witness.node.devid:
            found = None  # somebody copied another node's there
        if found is not None and self._written is not None and found.is_anothers(self._written):
            self._twin, self._twin_seen = found, now
            self._last = self._written  # the other's addresses are none of ours
        else:
            # A report that was lost, or cannot be read just now, does not make us forget what it said.
            self._last = found or self._last
        if not 0 <= now - self._twin_seen < OLD_SECONDS:
            self._twin = None
        return found
