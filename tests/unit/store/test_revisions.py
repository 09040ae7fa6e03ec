import os
from pathlib import Path

import pytest

from isi_net.errors import Conflict, Fenced, Unreadable
from isi_net.store import atomic, revisions, staging
from isi_net.store.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(str(tmp_path))
    staging.enter(tree, 1)
    return tree


def publish(tree: Tree, number: int) -> None:
    revisions.publish(tree, tree.term_staging(1), number - 1, number, f"<{number}>".encode())


def test_on_an_empty_cluster_it_is_empty(tree: Tree) -> None:
    assert revisions.current(tree)[:3] == (0, b"", tree.configuration)
    assert revisions.numbers(tree) == []


def test_before_the_first_revision_it_is_what_was_brought(tree: Tree) -> None:
    Path(tree.configuration).write_bytes(b"<brought>")
    assert revisions.current(tree)[:3] == (0, b"<brought>", tree.configuration)


def test_the_highest_number_is_the_current_one_whatever_the_second_name_says(tree: Tree) -> None:
    Path(tree.configuration).write_bytes(b"<edited>")
    for number in range(1, 12):
        publish(tree, number)
    assert revisions.current(tree)[:3] == (11, b"<11>", tree.revision(11))
    assert os.listdir(tree.term_staging(1)) == []


def test_copies_that_people_make_are_no_revisions(tree: Tree) -> None:
    publish(tree, 1)
    for name in ("flx_config.9.bak", "9", "flx_config.9.xml.orig", ".flx_config.9.xml.0011223344556677"):
        Path(tree.revisions, name).write_bytes(b"<copy>")
    assert revisions.numbers(tree) == [1]
    assert revisions.current(tree).number == 1


def test_a_number_is_published_once_and_the_loser_leaves_nothing(tree: Tree) -> None:
    publish(tree, 1)
    with pytest.raises(Conflict, match="published by somebody else"):
        revisions.publish(tree, tree.term_staging(1), 0, 1, b"<other>")
    assert revisions.current(tree).data == b"<1>"
    assert os.listdir(tree.term_staging(1)) == []


def test_who_is_fenced_publishes_nothing(tree: Tree) -> None:
    staging.enter(tree, 2)
    with pytest.raises(Fenced):
        publish(tree, 1)
    assert revisions.numbers(tree) == []


def test_the_newest_64_are_kept(tree: Tree) -> None:
    for number in range(1, 70):
        publish(tree, number)
    assert revisions.numbers(tree) == list(range(6, 70))
    publish(tree, 70)


@pytest.mark.parametrize("base", [0, 3])
def test_a_number_that_was_pruned_is_not_free(tree: Tree, base: int) -> None:
    for number in range(1, base + 67):
        publish(tree, number)
    assert base + 1 not in revisions.numbers(tree)
    with pytest.raises(Conflict, match="pruned long ago"):
        revisions.publish(tree, tree.term_staging(1), base, base + 1, b"<late>")
    assert base + 1 not in revisions.numbers(tree)
    assert os.listdir(tree.term_staging(1)) == []


def test_one_from_an_earlier_release_may_have_any_number(tree: Tree) -> None:
    revisions.publish(tree, tree.term_staging(1), 0, 1000, b"<1000>")
    assert revisions.current(tree).number == 1000


def test_a_revision_that_cannot_be_read_is_an_error_and_the_one_before_it_is_not_taken(tree: Tree) -> None:
    publish(tree, 1)
    os.mkdir(tree.revision(2))
    with pytest.raises(Unreadable, match="not a regular file"):
        revisions.current(tree)


def test_a_command_that_was_swept_is_told(tree: Tree) -> None:
    directory = tree.command_staging("x")
    atomic.make_directory(directory)
    atomic.remove(directory)
    with pytest.raises(Fenced):
        revisions.publish(tree, directory, 0, 1, b"")
