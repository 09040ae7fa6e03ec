"""The state of the role, read from the disk alone: it is the same answer while every daemon is down."""

from collections.abc import Iterator
from dataclasses import dataclass

from isi_net.errors import Error, FormatError, Unreadable
from isi_net.flexnet.published import load
from isi_net.flexnet.second_names import edited_by_hand
from isi_net.formats import tenure as tenure_format
from isi_net.model.finding import Finding
from isi_net.model.merge import merge
from isi_net.model.tenure import Tenure
from isi_net.reporter.inbox import Inbox
from isi_net.store.lock import is_held
from isi_net.store.read import names, read_seen
from isi_net.store.tree import TENURE, Tree, number_in

STALLED_DEADLINES = 3

_MAX_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Status:
    """Whether the role is held, by whom (the last one known, None on a cluster without any), and what is so.

    `last_turn` is when the tenure's holder last ended a turn, in seconds since the epoch; `stalled` says
    that it is held and that was three deadlines ago.
    """

    held: bool
    tenure: Tenure | None
    last_turn: float | None
    stalled: bool
    revision: int
    reports: int
    findings: tuple[Finding, ...]


def read(tree: Tree, deadline: float, now: float) -> Status:
    """The state at `now` (seconds since the epoch), with `deadline` in seconds.

    What cannot be read becomes a finding; Unreadable is raised only where nothing can be said at all.
    """
    held = is_held(tree.merger_lock)
    tenure, last_turn = next(tenures(tree), (None, None))
    findings: tuple[Finding, ...] = ()
    revision, reports = 0, Inbox(tree).read()
    try:
        configuration = load(tree)
        revision = configuration.revision
        findings = (*merge(configuration, reports, now).findings, *edited_by_hand(tree))
    except Error as error:
        findings = (Finding(tree.configuration, "configuration_unreadable", "error", str(error)),)
    return Status(
        held=held,
        tenure=tenure,
        last_turn=last_turn,
        stalled=held and last_turn is not None and now - last_turn > STALLED_DEADLINES * deadline,
        revision=revision,
        reports=len(reports),
        findings=findings,
    )


def tenures(tree: Tree) -> Iterator[tuple[Tenure, float]]:
    """Every tenure that can be read, the newest first, with when a turn of it last ended."""
    for term in sorted(
        (number for name in names(tree.tenures) if (number := number_in(name, TENURE))), reverse=True
    ):
        path = tree.tenure(term)
        try:
            data, stamp = read_seen(path, _MAX_BYTES)
            yield tenure_format.parse(data, path), stamp.modified / 1e9
        except (Unreadable, FormatError):
            continue  # forgotten while we looked, or broken: the others stand
