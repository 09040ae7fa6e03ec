import os
from pathlib import Path

import pytest

from isi_net.errors import Fenced, LockLost, Unwritable
from isi_net.store import atomic, staging
from isi_net.store.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(str(tmp_path))


def test_whoever_enters_takes_all_older_directories_away_and_leaves_commands_theirs(tree: Tree) -> None:
    first = staging.enter(tree, 1)
    staging.stage(first, "x", b"")
    # All digits, as one token in two thousand is: not a term.
    command = tree.command_staging("1234567890123456")
    atomic.make_directory(command)
    staging.enter(tree, 2)
    assert sorted(os.listdir(tree.staging)) == ["2", "cmd.1234567890123456"]
    assert staging.terms(tree) == [2]


def test_who_was_fenced_finds_it_out_wherever_it_goes_on(tree: Tree) -> None:
    target = os.path.join(tree.flexnet, "target")
    directory = staging.enter(tree, 1)
    staging.put(directory, target, b"first")
    staging.check(directory)
    staging.enter(tree, 2)
    with pytest.raises(Fenced):
        staging.check(directory)
    with pytest.raises(Fenced):
        staging.stage(directory, "x", b"")
    with pytest.raises(Fenced):
        staging.put(directory, target, b"late")
    assert Path(target).read_bytes() == b"first"


def test_a_term_has_one_holder(tree: Tree) -> None:
    staging.enter(tree, 3)
    with pytest.raises(LockLost, match="taken"):
        staging.enter(tree, 3)


def test_a_term_that_is_over_cannot_be_entered_any_more(tree: Tree) -> None:
    """One who was paused before it made its directory, while two others came and went."""
    staging.enter(tree, 2)
    staging.enter(tree, 3)
    with pytest.raises(LockLost, match="over already"):
        staging.enter(tree, 2)
    assert os.listdir(tree.staging) == ["3"]


def test_terms_are_known_from_directories_and_tenures(tree: Tree) -> None:
    assert staging.terms(tree) == []
    staging.enter(tree, 4)
    for name in ("2.json", "9.json", "11.bak", ".12.json.0011223344556677"):
        atomic.replace(os.path.join(tree.tenures, name), b"")
    assert sorted(staging.terms(tree)) == [2, 4, 9]


def test_what_was_put_has_the_stamp_that_is_given_back(tree: Tree) -> None:
    directory = staging.enter(tree, 1)
    target = os.path.join(tree.pool_members, "x")
    stamp = staging.put(directory, target, b"data")
    status = os.stat(target)
    assert (stamp.inode, stamp.size, stamp.modified) == (status.st_ino, 4, status.st_mtime_ns)
    assert os.listdir(directory) == []


def test_what_cannot_be_put_leaves_nothing_staged(tree: Tree) -> None:
    directory = staging.enter(tree, 1)
    os.makedirs(tree.configuration)
    for _ in range(3):
        with pytest.raises(Unwritable, match="not a regular file"):
            staging.put(directory, tree.configuration, b"")
    assert os.listdir(directory) == []


def test_what_commands_left_is_swept_after_an_hour_and_terms_are_not(tree: Tree) -> None:
    staging.enter(tree, 1)
    old, young = tree.command_staging("old"), tree.command_staging("young")
    for directory, when in ((old, 1000), (young, 4000), (tree.term_staging(1), 1000)):
        atomic.make_directory(directory)
        staging.stage(directory, "x", b"")
        os.utime(directory, (when, when))
    staging.sweep_commands(tree, 1000 + 3600)
    assert os.path.isdir(old)
    staging.sweep_commands(tree, 1001 + 3600)
    assert not os.path.lexists(old)
    assert sorted(os.listdir(tree.staging)) == ["1", "cmd.young"]
    staging.sweep_commands(tree, 0)  # the clock was set back
    assert os.path.isdir(young)
