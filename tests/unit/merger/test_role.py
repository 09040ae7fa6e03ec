import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import eventually

from isi_net.errors import Fenced, FormatError, LockLost, Overdue, Unreadable
from isi_net.formats import tenure as tenure_format
from isi_net.merger.role import REST_SECONDS, Role
from isi_net.model.network import Node
from isi_net.model.tenure import KEPT, Tenure
from isi_net.store.lock import is_held
from isi_net.store.tree import Tree


class Clock:
    """Seconds, as a test sets them."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Cluster:
    """Roles at one tree, with clocks of their own; all are given back at the end."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.clock, self.ticking = Clock(1_770_000_000.0), Clock(100.0)
        self.roles: list[Role] = []

    def role(self, devid: int, wake: threading.Event | None = None) -> Role:
        node = Node(devid, devid, f"n-{devid}")
        role = Role(self.tree, node, 99, 10.0, self.clock, self.ticking, wake.set if wake else None)
        self.roles.append(role)
        return role

    def recorded(self, term: int) -> Tenure:
        return tenure_format.parse(Path(self.tree.tenure(term)).read_bytes())


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(Tree(str(tmp_path)))
    yield cluster
    for role in cluster.roles:
        role.give_back("released", rest=False)


def nothing_published() -> int:
    return 0


def taken(role: Role) -> Tenure:
    tenure = role.turn(nothing_published)
    assert tenure is not None
    return tenure


def test_the_first_one_takes_the_role_and_writes_down_who_it_is(cluster: Cluster) -> None:
    role, other = cluster.role(4), cluster.role(5)
    assert taken(role) == Tenure(1, 4, 4, "n-4", 99, 1_770_000_000.0) == cluster.recorded(1)
    assert Path(cluster.tree.merger_lock).read_text() == "4\n"
    assert role.staging == cluster.tree.term_staging(1)
    assert other.turn(nothing_published) is None
    assert taken(role) == role.tenure


def test_a_term_is_one_more_than_all_that_left_a_trace(cluster: Cluster) -> None:
    os.makedirs(cluster.tree.term_staging(3))
    assert taken(cluster.role(1)).term == 4


def test_the_published_term_counts_when_all_other_traces_are_lost(cluster: Cluster) -> None:
    role = cluster.role(1)
    tenure = role.turn(lambda: 41)
    assert tenure is not None
    assert tenure.term == 42


def test_what_is_published_is_asked_only_when_the_role_is_taken(cluster: Cluster) -> None:
    taken(cluster.role(1))

    def never() -> int:
        raise AssertionError("it was asked")

    assert cluster.role(2).turn(never) is None
    assert cluster.roles[0].turn(never) is not None


def test_whoever_gives_back_says_when_and_why_and_rests_until_another_has_had_it(cluster: Cluster) -> None:
    role, other = cluster.role(1), cluster.role(2)
    taken(role)
    cluster.clock.now += 5
    role.give_back("stepped down")
    assert cluster.recorded(1).ended == "stepped down"
    assert cluster.recorded(1).until == cluster.clock.now
    assert role.turn(nothing_published) is None
    assert taken(other).term == 2
    other.give_back("released")
    assert taken(role).term == 3


def test_whoever_gives_back_and_finds_nobody_takes_it_again_after_its_rest(cluster: Cluster) -> None:
    role = cluster.role(1)
    taken(role)
    role.give_back("stepped down")
    cluster.ticking.now += REST_SECONDS - 0.1
    assert role.turn(nothing_published) is None
    assert not is_held(cluster.tree.merger_lock)
    cluster.ticking.now += 0.2
    assert taken(role).term == 2


def test_who_waits_is_woken_when_the_holder_goes(cluster: Cluster) -> None:
    woken = threading.Event()
    role, other = cluster.role(1), cluster.role(2, woken)
    taken(role)
    before = set(threading.enumerate())
    for _ in range(3):
        assert other.turn(nothing_published) is None
    assert len(set(threading.enumerate()) - before) == 1
    role.give_back("released")
    assert woken.wait(5)
    assert taken(other).term == 2


def test_who_waits_at_a_file_that_was_replaced_waits_at_the_new_one(cluster: Cluster) -> None:
    woken = threading.Event()
    role, other = cluster.role(1), cluster.role(2, woken)
    taken(role)
    assert other.turn(nothing_published) is None
    os.unlink(cluster.tree.merger_lock)
    assert taken(other).term == 2
    with pytest.raises((LockLost, Fenced)):
        role.turn(nothing_published)
    role.lost(LockLost("x"))
    assert role.turn(nothing_published) is None
    assert other.turn(nothing_published) is not None


def test_who_is_fenced_is_told_before_it_writes(cluster: Cluster) -> None:
    role = cluster.role(1)
    taken(role)
    os.rmdir(role.staging)
    with pytest.raises(Fenced):
        role.check()
    role.lost(Fenced("x"))
    assert cluster.recorded(1).ended == "fenced"
    assert taken(role).term == 2


def test_the_deadline_counts_from_look_to_look_and_not_while_the_loop_sleeps(cluster: Cluster) -> None:
    role = cluster.role(1)
    taken(role)
    for _ in range(3):
        cluster.ticking.now += 9
        role.check()
    cluster.ticking.now += 60
    role.rested(60)
    role.check()
    cluster.ticking.now += 11
    with pytest.raises(Overdue, match=r"11\.0 s passed.*deadline 10 s"):
        role.check()


def test_what_other_parts_took_between_two_turns_counts(cluster: Cluster) -> None:
    """They ask the shared file system as well, after the merger's turn and before the rest."""
    role = cluster.role(1)
    taken(role)
    role.end_turn()
    cluster.ticking.now += 11
    cluster.ticking.now += 60
    role.rested(60)
    with pytest.raises(Overdue, match=r"11\.0 s passed"):
        role.turn(nothing_published)


def test_a_turn_that_ends_late_says_so_and_does_not_show_that_it_ended(cluster: Cluster) -> None:
    role = cluster.role(1)
    taken(role)
    os.utime(cluster.tree.tenure(1), (0, 0))
    cluster.ticking.now += 11
    with pytest.raises(Overdue):
        role.end_turn()
    assert os.stat(cluster.tree.tenure(1)).st_mtime == 0


def test_a_take_over_that_took_too_long_is_late(cluster: Cluster) -> None:
    role = cluster.role(1)

    def slow() -> int:
        cluster.ticking.now += 11
        return 0

    assert role.turn(slow) is not None
    with pytest.raises(Overdue):
        role.check()


def test_the_end_of_a_turn_shows_in_the_time_of_the_tenure(cluster: Cluster) -> None:
    role = cluster.role(1)
    taken(role)
    os.utime(cluster.tree.tenure(1), (0, 0))
    role.end_turn()
    assert os.stat(cluster.tree.tenure(1)).st_mtime > 0
    os.unlink(cluster.tree.tenure(1))
    role.end_turn()
    assert cluster.recorded(1) == role.tenure
    cluster.role(2).end_turn()  # it has none


def test_who_cannot_take_office_leaves_the_lock_to_one_who_can(cluster: Cluster) -> None:
    role = cluster.role(1)

    def unreadable() -> int:
        raise FormatError("not XML")

    for _ in range(2):
        with pytest.raises(FormatError):
            role.turn(unreadable)
        assert not is_held(cluster.tree.merger_lock)
    assert taken(cluster.role(2)).term == 1


def test_who_cannot_write_its_tenure_is_not_in_office(cluster: Cluster) -> None:
    role = cluster.role(1)
    os.makedirs(os.path.dirname(cluster.tree.tenures))
    Path(cluster.tree.tenures).touch()
    with pytest.raises(Unreadable, match="Not a directory"):
        role.turn(nothing_published)
    assert (role.tenure, role.staging) == (None, "")
    assert not is_held(cluster.tree.merger_lock)
    os.unlink(cluster.tree.tenures)
    assert taken(role).devid == 1


def test_the_end_is_the_end_even_where_it_cannot_be_written_down(cluster: Cluster) -> None:
    role = cluster.role(1)
    taken(role)
    os.unlink(cluster.tree.tenure(1))
    os.rmdir(cluster.tree.tenures)
    Path(cluster.tree.tenures).touch()
    role.give_back("released")
    assert role.tenure is None
    assert not is_held(cluster.tree.merger_lock)
    os.unlink(cluster.tree.tenures)


def test_the_newest_tenures_are_kept_and_half_written_ones_swept(cluster: Cluster) -> None:
    os.makedirs(cluster.tree.tenures)
    for term in range(1, KEPT + 5):
        Path(cluster.tree.tenure(term)).touch()
    died_of_it, being_written = (
        Path(cluster.tree.tenures, f".{name}.json.0011223344556677") for name in ("7", "8")
    )
    for path, age in ((died_of_it, 3601), (being_written, 1)):
        path.touch()
        os.utime(path, (cluster.clock.now - age,) * 2)
    role = cluster.role(1)
    assert taken(role).term == KEPT + 5
    role.forget_old_tenures()
    assert not died_of_it.exists()
    being_written.unlink()
    found = os.listdir(cluster.tree.tenures)
    assert len(found) == KEPT
    assert not [name for name in found if name.startswith(".")]
    assert not os.path.exists(cluster.tree.tenure(5))
    assert os.path.exists(cluster.tree.tenure(6))


def test_whose_turns_fail_for_three_deadlines_gives_the_role_to_another(cluster: Cluster) -> None:
    role, other = cluster.role(1), cluster.role(2)
    taken(role)
    role.failed()
    cluster.ticking.now += 30.0
    role.failed()
    assert role.tenure is not None
    cluster.ticking.now += 0.1
    role.failed()
    assert role.tenure is None
    assert cluster.recorded(1).ended == "failing"
    assert role.turn(nothing_published) is None, "it rests, so that the other is first"
    assert taken(other).term == 2


def test_a_turn_that_ends_well_forgives_those_that_failed(cluster: Cluster) -> None:
    role = cluster.role(1)
    taken(role)
    role.failed()
    role.end_turn()
    cluster.ticking.now += 40.0
    role.failed()
    assert role.tenure is not None


def test_who_stands_in_line_and_cannot_take_turns_leaves_it(cluster: Cluster) -> None:
    """What it would be granted, it could not use; when it can again, it stands in line again."""
    holder, waiting, third = cluster.role(1), cluster.role(2, threading.Event()), cluster.role(3)
    taken(holder)
    assert waiting.turn(nothing_published) is None
    waiting.failed()
    holder.give_back("released")
    # Its thread is granted the lock before anybody, and lets go of it at once.
    tenure = eventually(lambda: third.turn(nothing_published), "the third one takes the role")
    assert tenure.devid == 3
    assert waiting.turn(nothing_published) is None


def test_where_its_tenure_is_not_any_more_nothing_is_written(cluster: Cluster, tmp_path: Path) -> None:
    """The shared file system was unmounted: what lies at the path now is the bare mount point."""
    role = cluster.role(1)
    taken(role)
    os.rename(cluster.tree.ifs, tmp_path / "unmounted")
    role.give_back("released")
    assert not os.path.exists(cluster.tree.ifs)
