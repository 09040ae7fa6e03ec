"""The merger's turns, with real files: what is published, what is left alone, and what is put right."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from isi_net.errors import FormatError, NewerSchema
from isi_net.flexnet import published
from isi_net.flexnet.publish import publish
from isi_net.formats import node_report
from isi_net.formats import tenure as tenure_format
from isi_net.merger import status
from isi_net.merger.merger import Merger
from isi_net.merger.role import Role
from isi_net.model.lease import Lease
from isi_net.model.network import Groupnet, Node
from isi_net.model.report import Report
from isi_net.model.tenure import KEPT
from isi_net.store.read import PATIENCE_SECONDS
from isi_net.store.tree import Tree

NOON = 1770465600.0
ROUTER = IPv4Address("10.20.30.1")
EVERYTHING = "revision 1: leased addresses: 2, externally managed pools: 1, reports: 2"


class Office:
    """A merger on a node of its own, with clocks that stand still until a test moves them."""

    def __init__(self, tree: Tree, devid: int = 1) -> None:
        self.now, self.ticks = NOON, 100.0
        self.meanwhile: list[Callable[[], None]] = []  # what happens at the next looks at the clock
        self.log: list[str] = []
        node = Node(devid, devid, f"GLaDOS-{devid}")
        role = Role(tree, node, 3626, 10.0, lambda: self.now, self.ticking, None)
        self.network = published.Following(tree)
        self.merger = Merger(tree, node, role, self.network, lambda: self.now, self.log.append)

    def ticking(self) -> float:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return self.ticks

    def turn(self) -> str:
        return self.merger.turn().sentence

    def codes(self) -> set[str]:
        return {one.code for one in self.merger.turn().findings}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Nodes 1 and 2 have reported."""
    tree = Tree(str(tmp_path))
    os.makedirs(tree.reports)
    report(tree, 1, 11)
    report(tree, 2, 12)
    return tree


@pytest.fixture
def office(tree: Tree) -> Iterator[Office]:
    office = Office(tree)
    yield office
    office.merger.role.give_back("released", rest=False)


def report(tree: Tree, devid: int, host: int, at: float = NOON, expire: int | None = None) -> None:
    lease = Lease("ext-1", IPv4Address(f"10.20.30.{host}"), 24, ROUTER, ROUTER, expire=expire)
    said = Report(devid, devid, f"GLaDOS-{devid}", "AWS", "dhclient", "1", int(at), (lease,))
    write(tree.report(devid), node_report.render(said))


def write(path: str, data: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Path(path).write_bytes(data)


def files(tree: Tree) -> dict[str, tuple[int, int, int]]:
    """Every file of the cluster with its inode, size and time."""
    found = (path for path in Path(tree.ifs).rglob("*") if path.is_file())
    return {
        str(path): (status.st_ino, status.st_size, status.st_mtime_ns)
        for path in found
        for status in [path.stat()]
    }


def publish_by_hand(tree: Tree, groupnet: str) -> None:
    """An administrator's command publishes one more groupnet."""
    before = published.current(tree)
    number = before.configuration.next_number
    after = before.configuration.with_groupnet(Groupnet(number, groupnet, next_number=1))
    after = replace(after, author="root", published=int(NOON))
    directory = tree.command_staging("abcd")
    os.makedirs(directory, exist_ok=True)
    publish(tree, directory, before, after, lambda: None)
    os.rmdir(directory)


def test_a_turn_takes_the_role_and_publishes(tree: Tree, office: Office) -> None:
    assert office.turn() == EVERYTHING
    assert office.log == ["Taking ownership of the IPMerger role"]
    configuration = published.load(tree)
    assert (configuration.revision, configuration.term) == (1, 1)
    assert configuration.author == "GLaDOS-1(id1) IPMerger, term 1"
    assert Path(tree.configuration).read_bytes() == Path(tree.revision(1)).read_bytes()
    assert os.path.exists(tree.members_of(1, 1, 1))


def test_who_takes_the_role_forgets_the_oldest_tenures(tree: Tree, office: Office) -> None:
    for term in range(1, KEPT + 1):
        write(tree.tenure(term), b"")
    office.turn()
    assert not os.path.exists(tree.tenure(1))
    assert os.path.exists(tree.tenure(2))


def test_a_cluster_without_reports_is_left_alone(tmp_path: Path) -> None:
    office = Office(Tree(str(tmp_path)))
    assert "revision 0" in office.turn()
    assert not os.path.exists(Tree(str(tmp_path)).revisions)


@pytest.mark.skipif(not os.path.exists("/proc/self/io"), reason="system calls are counted by Linux only")
def test_a_turn_in_which_nothing_changed_writes_nothing(tree: Tree, office: Office) -> None:
    """And reads next to nothing: what it costs does not grow with what is published."""

    def calls() -> tuple[int, int]:
        counted = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
        return int(counted["syscr"]), int(counted["syscw"])

    office.turn()
    for path in (tree.report(1), tree.report(2)):
        os.utime(path, (NOON, NOON))
    office.turn()
    tenure = tree.tenure(1)
    before = {path: state for path, state in files(tree).items() if path != tenure}
    reads, writes = calls()
    assert office.turn() == EVERYTHING
    reads_after, writes_after = calls()
    assert writes_after == writes
    # /proc/self/io itself takes two; each of the two reports, younger than a clock's grain, two as well.
    assert reads_after - reads <= 8
    assert {path: state for path, state in files(tree).items() if path != tenure} == before


def test_a_lease_that_was_renewed_expires_at_its_new_end_and_no_sooner(tree: Tree, office: Office) -> None:
    """Though nothing is merged when a report is written again and says the same."""
    report(tree, 2, 12, expire=int(NOON) + 100)
    assert office.turn() == EVERYTHING
    office.now += 50
    report(tree, 2, 12, office.now, expire=int(NOON) + 700)
    assert office.codes() == set()
    office.now += 200
    assert office.codes() == set()
    office.now += 500
    assert office.codes() == {"lease_expired"}


def test_the_end_of_a_turn_shows_in_the_time_of_the_tenure(tree: Tree, office: Office) -> None:
    office.turn()
    os.utime(tree.tenure(1), (NOON, NOON))
    office.turn()
    assert os.stat(tree.tenure(1)).st_mtime > NOON


def test_a_report_that_changes_is_followed(tree: Tree, office: Office) -> None:
    office.turn()
    report(tree, 2, 99)
    assert "revision 2: leased addresses: 2" in office.turn()
    assert b"10.20.30.99" in Path(tree.members_of(1, 1, 1)).read_bytes()


def test_a_clock_that_is_set_back_changes_nothing(tree: Tree, office: Office) -> None:
    office.turn()
    office.now -= 86_400
    assert office.turn() == EVERYTHING
    assert published.load(tree).revision == 1


@pytest.mark.parametrize("edit", [b"<!-- mine -->\n", b"<broken"])
def test_an_edited_configuration_is_put_aside_with_a_finding(tree: Tree, office: Office, edit: bytes) -> None:
    """Until somebody has dealt with it: then the finding is gone."""
    office.turn()
    with open(tree.configuration, "ab") as editor:
        editor.write(edit)
    edited = Path(tree.configuration).read_bytes()
    assert office.codes() == {"edited_by_hand"}
    assert office.codes() == {"edited_by_hand"}
    [aside] = Path(tree.flexnet).glob("flx_config.xml.edited-*")
    assert aside.read_bytes() == edited
    assert Path(tree.configuration).read_bytes() == Path(tree.revision(1)).read_bytes()
    assert published.load(tree).revision == 1
    aside.unlink()
    assert office.codes() == set()


def test_a_hundred_edits_are_one_finding_and_a_hundred_files(tree: Tree, office: Office) -> None:
    office.turn()
    for number in range(100):
        with open(tree.configuration, "ab") as editor:
            editor.write(b"<!-- %d -->\n" % number)
        assert len(office.merger.turn().findings) == 1
    assert len(list(Path(tree.flexnet).glob("flx_config.xml.edited-*"))) == 100


def test_a_broken_configuration_that_was_brought_is_never_overwritten(tree: Tree, office: Office) -> None:
    """The error names the line; when it is mended, the merger goes on by itself."""
    broken = b'<?xml version="1.0"?>\n<flx_config>\n<oops\n'
    write(tree.configuration, broken)
    for _ in range(3):
        with pytest.raises(FormatError, match="line") as caught:
            office.turn()
        assert tree.configuration in str(caught.value)
    assert Path(tree.configuration).read_bytes() == broken
    assert not os.path.exists(tree.revisions)
    os.unlink(tree.configuration)
    assert office.turn() == EVERYTHING


def test_a_configuration_that_breaks_a_rule_is_refused_by_its_line_and_rule(
    tree: Tree, office: Office
) -> None:
    office.turn()
    good = Path(tree.revision(1)).read_bytes()
    office.merger.role.give_back("released", rest=False)
    bad = good.replace(b'prefixlen="24"', b'prefixlen="99"').replace(b">24<", b">99<")
    assert bad != good
    write(tree.revision(1), bad)
    successor = Office(tree, 2)
    for _ in range(2):
        with pytest.raises(FormatError, match=r"line \d+") as caught:
            successor.turn()
        assert "99" in str(caught.value)
    assert Path(tree.revision(1)).read_bytes() == bad
    write(tree.revision(1), good)
    assert successor.turn() == EVERYTHING
    successor.merger.role.give_back("released", rest=False)


def newer(data: bytes) -> bytes:
    changed = data.replace(b'schema="2"', b'schema="3"')
    assert changed != data
    return changed


def test_nothing_is_written_over_what_a_newer_release_wrote(tree: Tree, office: Office) -> None:
    office.turn()
    current = newer(Path(tree.revision(1)).read_bytes())
    write(tree.configuration, current)
    report(tree, 2, 99)
    before = files(tree)
    for _ in range(2):
        with pytest.raises(NewerSchema, match="2"):
            office.turn()
    assert files(tree) == before


def test_who_is_asked_to_step_down_gives_the_role_to_another(tree: Tree, office: Office) -> None:
    office.turn()
    write(tree.step_down, b"1\n")
    assert "as asked" in office.turn()
    assert not os.path.exists(tree.step_down)
    assert "standing in line" in office.turn()
    other = Office(tree, 2)
    assert other.turn() == EVERYTHING
    assert tenure_format.parse(Path(tree.tenure(1)).read_bytes()).ended == "stepped down"
    other.merger.role.give_back("released", rest=False)
    office.ticks += 0.1
    assert office.turn() == EVERYTHING
    assert office.log == ["Taking ownership of the IPMerger role"] * 2


@pytest.mark.parametrize("request_", [b"7\n", b"", b"x" * 60, b"\xff"])
def test_a_request_to_another_term_is_taken_away(tree: Tree, office: Office, request_: bytes) -> None:
    office.turn()
    write(tree.step_down, request_)
    assert office.turn() == EVERYTHING
    assert not os.path.exists(tree.step_down)


def test_what_was_found_stands_while_another_has_the_role(tree: Tree, office: Office) -> None:
    """Who looks no more has not seen that all is well."""
    write(tree.report(3), b"{")
    assert office.codes() == {"report_broken"}
    write(tree.step_down, b"1\n")
    assert office.codes() == {"report_broken"}
    assert office.codes() == {"report_broken"}


def test_who_stands_in_line_has_read_what_is_published(tree: Tree, office: Office) -> None:
    """And so has to read only what is new when the role is granted."""
    office.turn()
    another = Office(tree, devid=2)
    assert "standing in line" in another.turn()
    assert another.network.last == published.load(tree)
    another.merger.role.give_back("released", rest=False)


def test_what_cannot_be_read_keeps_nobody_out_of_the_line(tree: Tree, office: Office) -> None:
    """The one who has the role says why it cannot; and it may be mended by the time that we have it."""
    office.turn()
    Path(tree.revision(1)).write_bytes(b"<flx_config")
    another = Office(tree, devid=2)
    assert "standing in line" in another.turn()
    another.merger.role.give_back("released", rest=False)


def test_who_loses_the_race_reads_again_and_tries_again(tree: Tree, office: Office) -> None:
    """Revision 2 is taken between the merger's reading and its publishing."""
    office.turn()
    report(tree, 2, 99)
    # It looks at the clock when the turn begins, when it has listed the reports, at each of the two that it
    # reads, and right before it publishes.
    office.meanwhile = [*[lambda: None] * 4, lambda: publish_by_hand(tree, "lab-1")]
    turn = office.merger.turn()
    assert turn.again
    assert "somebody else published first" in turn.sentence
    assert "revision 3: leased addresses: 2" in office.turn()
    configuration = published.load(tree)
    assert {groupnet.name for groupnet in configuration.groupnets} == {"groupnet0", "lab-1"}
    assert b"10.20.30.99" in Path(tree.members_of(1, 1, 1)).read_bytes()


def test_a_report_that_stays_empty_costs_no_tenure_whatever_the_deadline(tmp_path: Path) -> None:
    """Waiting for it takes a part of the deadline, never all of it."""
    tree = Tree(str(tmp_path), str(tmp_path / "ifs"))
    Path(tree.reports).mkdir(parents=True)
    deadline = 0.9 * PATIENCE_SECONDS  # less than waiting would take, and yet as long as it can be
    role = Role(tree, Node(1, 1, "one"), 1, deadline, time.time, time.monotonic, wake=None)
    merger = Merger(tree, Node(1, 1, "one"), role, published.Following(tree), time.time, lambda line: None)
    merger.turn()  # taking the role writes, which takes what it takes
    Path(tree.report(7)).touch()
    first, second = merger.turn(), merger.turn()
    assert role.tenure is not None
    assert role.tenure.term == 1
    assert "Lost" not in first.sentence + second.sentence


def test_reports_that_take_their_time_cost_no_role(tree: Tree, office: Office) -> None:
    """Each is read in less than the deadline of 10 s; all of them together are not."""
    for devid in range(1, 13):
        report(tree, devid, 10 + devid)

    def pass_time() -> None:
        office.ticks += 1.5

    office.meanwhile = [pass_time] * 40
    assert "leased addresses: 12" in office.turn()
    assert office.ticks > 100 + 12 * 1.5
    assert len(office.log) == 1


def test_a_second_name_that_cannot_be_put_right_keeps_the_other_from_nothing(
    tree: Tree, office: Office
) -> None:
    """Nor the turn from its end; what was found is said all the same."""
    report(tree, 2, 11)
    assert office.codes() == {"address_twice"}
    members = tree.members_of(1, 1, 1)
    os.unlink(members)
    os.mkdir(members)
    os.unlink(tree.configuration)
    os.utime(tree.tenure(1), (0, 0))
    assert office.codes() == {"address_twice", "second_name_late"}
    assert Path(tree.configuration).read_bytes() == Path(tree.revision(1)).read_bytes()
    assert os.stat(tree.tenure(1)).st_mtime > 0
    os.rmdir(members)
    assert office.codes() == {"address_twice"}
    assert os.path.isfile(members)


def test_an_edited_configuration_is_told_of_beyond_the_tenure(tree: Tree, office: Office) -> None:
    office.turn()
    with open(tree.configuration, "ab") as editor:
        editor.write(b"<!-- mine -->\n")
    assert office.codes() == {"edited_by_hand"}
    office.merger.role.give_back("released", rest=False)
    other = Office(tree, 2)
    assert other.codes() == {"edited_by_hand"}
    other.merger.role.give_back("released", rest=False)
    assert {one.code for one in status.read(tree, 10.0, office.now).findings} == {"edited_by_hand"}


def test_a_revision_that_took_the_place_of_a_spoilt_one_stands(tree: Tree, office: Office) -> None:
    """What the merger knew of that number before is forgotten, and what it wrote of it put right."""
    office.turn()
    publish_by_hand(tree, "old")
    office.turn()
    Path(tree.revision(2)).write_bytes(b"junk")
    with pytest.raises(FormatError):
        office.turn()
    os.unlink(tree.revision(2))
    publish_by_hand(tree, "new")
    report(tree, 2, 99)
    assert "revision 3: leased addresses: 2" in office.turn()
    assert [one.name for one in published.load(tree).groupnets] == ["groupnet0", "new"]
    assert Path(tree.configuration).read_bytes() == Path(tree.revision(3)).read_bytes()


def test_an_edited_revision_is_what_counts(tree: Tree, office: Office) -> None:
    """Nobody should, but it is what every command reads; the second names follow."""
    office.turn()
    data = Path(tree.revision(1)).read_bytes().replace(b'name="pool0"', b'name="mine"')
    Path(tree.revision(1)).write_bytes(data)
    office.turn()
    assert Path(tree.configuration).read_bytes() == data
    assert b"groupnet0.subnet0.mine" in Path(tree.members_of(1, 1, 1)).read_bytes()
