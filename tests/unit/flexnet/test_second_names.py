import os
import subprocess
import sys
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from isi_net.errors import Conflict, Fenced, LockLost, NewerSchema, Unreadable, Unwritable
from isi_net.flexnet import published
from isi_net.flexnet.change import change
from isi_net.flexnet.publish import publish
from isi_net.flexnet.second_names import Members, SecondName
from isi_net.formats import flx_config, pool_members
from isi_net.model.names import GroupnetId, SubnetId
from isi_net.model.network import EXTERNALLY_MANAGED, Assignment, Configuration, Groupnet, Node, Pool, Subnet
from isi_net.store import revisions, staging
from isi_net.store.tree import Tree

HOUSE = Path(__file__).parents[3]
EDITED_AT = 1770481580.0
WHEN = "2026-02-07T162620Z"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Two revisions, and a second name of the second."""
    tree = Tree(str(tmp_path))
    staging.enter(tree, 1)
    grow(tree)
    grow(tree)
    settle(tree, SecondName(tree))
    return tree


def may() -> None:
    """Who asks may publish."""


def grow(tree: Tree) -> Configuration:
    before = published.current(tree)
    number = before.configuration.next_number
    after = before.configuration.with_groupnet(Groupnet(number, f"g{number}"))
    return publish(tree, tree.term_staging(1), before, after, may).configuration


def settle(tree: Tree, name: SecondName) -> str | None:
    return name.settle(tree.term_staging(1), revisions.current(tree))


def second(tree: Tree) -> bytes:
    return Path(tree.configuration).read_bytes()


def asides(tree: Tree) -> list[str]:
    return sorted(name for name in os.listdir(tree.flexnet) if ".edited-" in name)


@pytest.mark.parametrize("first_look", [True, False])
def test_one_that_lags_or_is_missing_is_put_right(tree: Tree, first_look: bool) -> None:
    name = SecondName(tree)
    if not first_look:
        settle(tree, name)
    Path(tree.configuration).write_bytes(Path(tree.revision(1)).read_bytes())
    assert settle(tree, name) is None
    assert second(tree) == revisions.current(tree).data
    os.unlink(tree.configuration)
    assert settle(tree, name) is None
    assert second(tree) == revisions.current(tree).data
    grow(tree)
    assert settle(tree, name) is None
    assert second(tree) == Path(tree.revision(3)).read_bytes()
    assert asides(tree) == []


def test_one_that_is_right_is_not_written_again(tree: Tree) -> None:
    inode = os.stat(tree.configuration).st_ino
    name = SecondName(tree)
    for _ in range(3):
        settle(tree, name)
    settle(tree, SecondName(tree))
    assert os.stat(tree.configuration).st_ino == inode


def test_it_is_a_file_of_its_own_so_that_no_editor_reaches_a_revision_through_it(tree: Tree) -> None:
    assert os.stat(tree.configuration).st_nlink == 1
    assert not os.path.samefile(tree.configuration, tree.revision(2))


@pytest.mark.parametrize("edited", ["valid", "garbage", "empty", "unknown revision", "same number"])
def test_one_that_was_edited_is_kept_aside_and_never_overwritten(tree: Tree, edited: str) -> None:
    other = published.load(tree).with_groupnet(Groupnet(9, "by-hand"))
    data = {
        "valid": flx_config.render(replace(other, revision=3)),
        "garbage": b"<flx_config",
        "empty": b"",
        "unknown revision": flx_config.render(replace(other, revision=77)),
        "same number": flx_config.render(other),
    }[edited]
    name = SecondName(tree)
    settle(tree, name)
    Path(tree.configuration).write_bytes(data)
    os.utime(tree.configuration, (EDITED_AT, EDITED_AT))
    aside = settle(tree, name)
    assert aside == f"{tree.configuration}.edited-{WHEN}"
    assert Path(aside).read_bytes() == data
    assert second(tree) == revisions.current(tree).data
    assert settle(tree, name) is None


def test_two_edits_of_one_second_are_both_kept(tree: Tree) -> None:
    name = SecondName(tree)
    kept = []
    for edit in (b"one", b"two", b"three"):
        Path(tree.configuration).write_bytes(edit)
        aside = settle(tree, name)
        assert aside is not None
        kept.append(Path(aside).read_bytes())
    assert kept == [b"one", b"two", b"three"]
    assert len(asides(tree)) == 3


@pytest.mark.parametrize("kept", [0, 2])
def test_the_work_of_a_newer_release_is_not_touched(tree: Tree, kept: int) -> None:
    data = b'<flx_config schema="3" revision="9"/>'
    Path(tree.configuration).write_bytes(data)
    for _ in range(2):
        with pytest.raises(NewerSchema):
            settle(tree, SecondName(tree))
    assert second(tree) == data
    assert asides(tree) == []


def test_before_the_first_revision_it_is_the_configuration_itself_and_not_touched(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    staging.enter(tree, 1)
    data = flx_config.render(Configuration(revision=7))
    Path(tree.configuration).write_bytes(data)
    inode = os.stat(tree.configuration).st_ino
    assert settle(tree, SecondName(tree)) is None
    assert (second(tree), os.stat(tree.configuration).st_ino) == (data, inode)
    assert asides(tree) == []


def test_a_slow_one_does_not_put_it_back_to_what_was(tree: Tree) -> None:
    slow, old = SecondName(tree), revisions.current(tree)
    grow(tree)
    settle(tree, SecondName(tree))
    inode = os.stat(tree.configuration).st_ino
    assert slow.settle(tree.term_staging(1), old) is None
    assert second(tree) == Path(tree.revision(3)).read_bytes()
    assert os.stat(tree.configuration).st_ino == inode  # not for a moment either
    os.unlink(tree.configuration)  # it has looked before, and puts the old one there: then it looks again
    slow.settle(tree.term_staging(1), old)
    assert second(tree) == Path(tree.revision(3)).read_bytes()


@pytest.mark.parametrize("kind", ["directory", "symlink", "dangling", "fifo"])
def test_what_is_no_file_is_an_error_and_nothing_is_written_through_it(
    tree: Tree, tmp_path: Path, kind: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(Path(tree.revision(1)).read_bytes())
    mine = victim.read_bytes()
    os.unlink(tree.configuration)
    if kind == "directory":
        os.mkdir(tree.configuration)
    elif kind == "fifo":
        os.mkfifo(tree.configuration)
    else:
        os.symlink(victim if kind == "symlink" else tmp_path / "none", tree.configuration)
    for _ in range(2):
        with pytest.raises((Unreadable, Unwritable), match="not a regular file"):
            settle(tree, SecondName(tree))
    assert victim.read_bytes() == mine
    assert not (tmp_path / "none").exists()
    assert asides(tree) == []
    assert os.listdir(tree.term_staging(1)) == []


def test_who_is_fenced_changes_nothing(tree: Tree) -> None:
    staging.enter(tree, 2)
    Path(tree.configuration).write_bytes(b"edited")
    with pytest.raises(Fenced):
        settle(tree, SecondName(tree))
    assert second(tree) == b"edited"
    assert asides(tree) == []


# pool_members


def pools(*hosts: int) -> Configuration:
    """A pool a host, each with one address."""
    configuration = Configuration(revision=5, nodes=(Node(1, 1, "n-1"),)).with_groupnet(Groupnet(1, "g"))
    configuration = configuration.with_subnet(GroupnetId("g"), Subnet(1, "s", "ipv4", 24))
    for host in hosts:
        held = Assignment(IPv4Address(f"10.0.0.{host}"), 1, f"ext-{host}", None)
        pool = Pool(host, f"p{host}", EXTERNALLY_MANAGED, assignments=(held,))
        configuration = configuration.with_pool(SubnetId("g", "s"), pool)
    return configuration.with_pool(SubnetId("g", "s"), Pool(99, "static"))


def members(tree: Tree) -> dict[str, list[str]]:
    found = {}
    for name in os.listdir(tree.pool_members):
        data = Path(tree.pool_members, name).read_bytes()
        found[name] = [str(one.address) for one in pool_members.parse(data).members]
    return found


def test_every_externally_managed_pool_has_its_file_and_no_other(tree: Tree) -> None:
    one = Members(tree)
    one.settle(tree.term_staging(1), pools(1, 2), may)
    assert members(tree) == {
        "groupnet.1.subnet.1.pool.1": ["10.0.0.1"],
        "groupnet.1.subnet.1.pool.2": ["10.0.0.2"],
    }
    one.settle(tree.term_staging(1), replace(pools(2), revision=6), may)
    assert members(tree) == {"groupnet.1.subnet.1.pool.2": ["10.0.0.2"]}


def test_what_people_keep_there_is_theirs(tree: Tree) -> None:
    mine = Path(tree.pool_members, "backup", "groupnet.1.subnet.1.pool.1")
    mine.parent.mkdir(parents=True)
    mine.touch()
    Members(tree).settle(tree.term_staging(1), pools(1), may)
    assert mine.exists()


def test_one_that_was_changed_or_removed_is_put_right_and_the_others_are_left(tree: Tree) -> None:
    one = Members(tree)
    one.settle(tree.term_staging(1), pools(1, 2, 3), may)
    paths = [Path(tree.members_of(1, 1, number)) for number in (1, 2, 3)]
    inode = paths[2].stat().st_ino
    paths[0].write_bytes(b"edited")
    paths[1].unlink()
    one.settle(tree.term_staging(1), pools(1, 2, 3), may)
    assert sorted(members(tree).values()) == [["10.0.0.1"], ["10.0.0.2"], ["10.0.0.3"]]
    assert paths[2].stat().st_ino == inode


def test_one_that_cannot_be_written_does_not_keep_the_others_back(tree: Tree) -> None:
    os.makedirs(tree.members_of(1, 1, 1))
    one = Members(tree)
    for _ in range(2):
        with pytest.raises(Unwritable, match=r"not a regular file.*pool\.1"):
            one.settle(tree.term_staging(1), pools(1, 2), may)
    assert Path(tree.members_of(1, 1, 2)).is_file()
    os.rmdir(tree.members_of(1, 1, 1))
    one.settle(tree.term_staging(1), pools(1, 2), may)
    assert len(members(tree)) == 2


def test_who_lost_the_role_writes_none(tree: Tree) -> None:
    def may_not() -> None:
        raise LockLost("gone")

    with pytest.raises(LockLost):
        Members(tree).settle(tree.term_staging(1), pools(1), may_not)
    assert not os.path.exists(tree.members_of(1, 1, 1))


# A command's change, which settles both.


def add_groupnet(before: Configuration) -> Configuration:
    return before.with_groupnet(Groupnet(before.next_number, f"g{before.next_number}"))


def test_a_command_says_what_it_kept_aside(tree: Tree) -> None:
    Path(tree.configuration).write_bytes(b"edited")
    done = change(tree, add_groupnet, author="a test")
    assert [one.code for one in done.warnings] == ["edited_by_hand"]
    assert len(asides(tree)) == 1
    assert second(tree) == Path(tree.revision(3)).read_bytes()


def test_a_change_that_is_published_is_no_failure_because_its_second_name_is_late(tree: Tree) -> None:
    os.unlink(tree.configuration)
    os.mkdir(tree.configuration)
    done = change(tree, add_groupnet, author="a test")
    assert done.revision == published.load(tree).revision == 3
    assert [one.code for one in done.warnings] == ["second_name_late"]
    assert os.listdir(tree.staging) == ["1"]


def test_who_loses_every_race_gives_up_after_ten(tree: Tree) -> None:
    """It waits longer and longer meanwhile, by chance, lest the same ones meet again."""
    pauses: list[float] = []

    def overtaken(before: Configuration) -> Configuration:
        grow(tree)
        return add_groupnet(before)

    with pytest.raises(Conflict, match="somebody published first 10 times"):
        change(tree, overtaken, author="a test", pause=pauses.append)
    assert len(pauses) == 10
    assert all(0 <= pause <= 0.01 * 2**attempt for attempt, pause in enumerate(pauses))
    assert len(set(pauses)) > 5


SETTLES = """
import sys
from pathlib import Path
from isi_net.flexnet.second_names import SecondName
from isi_net.store import revisions
from isi_net.store.tree import Tree

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

tree = Tree(sys.argv[1])
name = SecondName(tree)
for time in range(4):
    words = "".join(f"<a{time}_{number}_{'x' * 50}/>" for number in range(100_000))
    Path(tree.configuration).write_text(f'<flx_config schema="2">{words}</flx_config>')
    del words
    name.settle(tree.term_staging(1), revisions.current(tree))
    if time == 0:
        before = resident()
print(resident() - before)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="looks at /proc")
def test_what_strangers_write_there_is_not_remembered(tree: Tree) -> None:
    """libxml2 keeps every name that it reads for as long as the process lives."""
    ran = subprocess.run(
        [sys.executable, "-c", SETTLES, tree.root], capture_output=True, text=True, check=True, cwd=HOUSE
    )
    assert int(ran.stdout) < 10 << 20
    assert len(asides(tree)) == 4
