"""Whether the shared directory is the one that this node knows."""

import shutil
from pathlib import Path

import pytest

from isi_net.errors import Unknown
from isi_net.flexnet import published
from isi_net.store import revisions
from isi_net.store.familiar import Familiar, refuse_unfamiliar
from isi_net.store.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(str(tmp_path / "root"), str(tmp_path / "ifs"))


def publish_something(tree: Tree) -> None:
    Path(tree.revisions).mkdir(parents=True)


def test_a_new_cluster_begins_with_nothing(tree: Tree) -> None:
    Familiar(tree).look()
    assert revisions.current(tree).data == b""
    assert not Path(tree.joined).exists()


def test_a_node_that_has_seen_something_waits_where_nothing_is(tree: Tree) -> None:
    publish_something(tree)
    Familiar(tree).look()
    shutil.rmtree(tree.ifs)

    with pytest.raises(Unknown, match="mount the shared file system"):
        Familiar(tree).look()
    with pytest.raises(Unknown, match=f"delete {tree.joined}"):
        published.load(tree)
    assert not Path(tree.ifs).exists()


def test_what_a_daemon_saw_a_running_one_remembers_too(tree: Tree) -> None:
    publish_something(tree)
    familiar = Familiar(tree)
    familiar.look()
    shutil.rmtree(tree.ifs)
    with pytest.raises(Unknown):
        familiar.look()
    publish_something(tree)
    familiar.look()


def test_a_mark_that_cannot_be_written_is_a_finding_until_it_can(tree: Tree) -> None:
    publish_something(tree)
    Path(tree.joined).mkdir(parents=True)
    familiar = Familiar(tree)
    for _ in range(2):
        assert [(one.place, one.code) for one in familiar.look()] == [(tree.joined, "joined_unwritable")]
    Path(tree.joined).rmdir()
    assert familiar.look() == ()
    assert Path(tree.joined).read_text() == f"{tree.ifs}\n"


def test_a_new_cluster_begins_where_the_mark_is_taken_away(tree: Tree) -> None:
    publish_something(tree)
    Familiar(tree).look()
    shutil.rmtree(tree.ifs)
    Path(tree.joined).unlink()
    refuse_unfamiliar(tree)


def test_another_shared_directory_is_another_cluster(tree: Tree, tmp_path: Path) -> None:
    publish_something(tree)
    Familiar(tree).look()
    Familiar(Tree(tree.root, str(tmp_path / "other"))).look()


def test_a_configuration_that_somebody_brought_is_something(tree: Tree) -> None:
    Path(tree.flexnet).mkdir(parents=True)
    Path(tree.configuration).write_bytes(b"")
    Familiar(tree).look()
    assert Path(tree.joined).read_text() == f"{tree.ifs}\n"
