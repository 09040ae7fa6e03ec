"""Whether the shared directory is the one that this node knows."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from isi_net.errors import Unknown
from isi_net.flexnet import published
from isi_net.store import revisions
from isi_net.store.familiar import Familiar, refuse_emptiness
from isi_net.store.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(str(tmp_path / "root"), str(tmp_path / "ifs"))


def publish_something(tree: Tree) -> None:
    Path(tree.revisions).mkdir(parents=True)
    Path(tree.revision(1)).write_bytes(b"")


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
    refuse_emptiness(tree)


def test_another_shared_directory_is_another_cluster(tree: Tree, tmp_path: Path) -> None:
    publish_something(tree)
    Familiar(tree).look()
    Familiar(Tree(tree.root, str(tmp_path / "other"))).look()


def test_a_configuration_that_somebody_brought_is_something(tree: Tree) -> None:
    Path(tree.flexnet).mkdir(parents=True)
    Path(tree.configuration).write_bytes(b"")
    Familiar(tree).look()
    assert Path(tree.joined).read_text() == f"{tree.ifs}\n"


def test_an_empty_directory_of_revisions_is_nothing(tree: Tree) -> None:
    """As of a mount point in which somebody once made it."""
    publish_something(tree)
    Familiar(tree).look()
    Path(tree.revision(1)).unlink()
    with pytest.raises(Unknown, match="mount the shared file system"):
        Familiar(tree).look()


@pytest.mark.parametrize(
    "spoilt", [b"", b"\n", b"/ifs", b"\0\0\0\0", b"/a\0b\n", b"/a\n/b\n", b"ifs\n", None]
)
def test_a_memory_that_cannot_be_understood_is_one(tree: Tree, spoilt: bytes | None) -> None:
    path = Path(tree.joined)
    path.parent.mkdir(parents=True)
    if spoilt is None:
        path.mkdir()
    else:
        path.write_bytes(spoilt)
    for begin in (Familiar(tree).look, lambda: revisions.current(tree)):
        with pytest.raises(Unknown, match=f"delete {tree.joined}") as told:
            begin()
        assert told.value.where == tree.joined
    if spoilt is not None:
        publish_something(tree)
        assert Familiar(tree).look() == ()
        assert path.read_text() == f"{tree.ifs}\n"


def test_a_dangling_link_is_a_memory_too(tree: Tree) -> None:
    Path(tree.joined).parent.mkdir(parents=True)
    Path(tree.joined).symlink_to("nowhere")
    with pytest.raises(Unknown):
        refuse_emptiness(tree)


def test_the_same_directory_by_another_name_is_the_same_cluster(tree: Tree, tmp_path: Path) -> None:
    publish_something(tree)
    link = tmp_path / "link"
    link.symlink_to(tree.ifs)
    Familiar(tree).look()
    shutil.rmtree(tree.ifs)
    with pytest.raises(Unknown):
        refuse_emptiness(Tree(tree.root, str(link)))
    Path(tree.joined).write_text(f"{link}\n")
    with pytest.raises(Unknown):
        refuse_emptiness(tree)


@pytest.mark.parametrize("ask", ["Familiar(tree).look", "lambda: revisions.current(tree)"])
def test_whether_anything_is_published_is_asked_once(tree: Tree, ask: str) -> None:
    """The directory is shared: a second listing may say something else, and one answer must decide."""
    publish_something(tree)
    Familiar(tree).look()
    Path(tree.revision(1)).unlink()
    code = f"""
import sys
from isi_net.errors import Unknown
from isi_net.store import revisions
from isi_net.store.familiar import Familiar
from isi_net.store.tree import Tree
tree = Tree({tree.root!r}, {tree.ifs!r})
listed = []
sys.addaudithook(lambda event, words: listed.append(words[0]) if event == "os.listdir" else None)
try:
    ({ask})()
except Unknown:
    print(listed.count(tree.revisions))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "1\n"
