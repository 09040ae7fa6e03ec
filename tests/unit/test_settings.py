"""`isi_net.toml`: what may stand in it, and what is said of what may not."""

import os
from pathlib import Path

import pytest

from isi_net.errors import BadValue, Error, FormatError, Unreadable
from isi_net.model.network import Node
from isi_net.settings import Settings, load, node_of
from isi_net.store.read import PATIENCE_SECONDS
from isi_net.store.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(str(tmp_path))
    os.makedirs(os.path.dirname(tree.settings))
    return tree


def loaded(tree: Tree, text: str) -> Settings:
    Path(tree.settings).write_text(text)
    return load(tree)


def test_a_node_without_a_file_has_the_defaults(tree: Tree) -> None:
    assert load(tree) == loaded(tree, "") == Settings()
    assert (Settings().poll_interval, Settings().deadline, Settings().manager) == (1.0, 10.0, "auto")


def test_everything_can_be_written_down(tree: Tree) -> None:
    text = """
        [node]
        devid = 4
        lnn = 3
        name = "GLaDOS-4"
        [interfaces]
        ext-1 = "ens5"
        ext-2 = "ens6"
        [dhcp]
        manager = "AWS"
        client = "dhclient"
        source = "networkd"
        [daemon]
        poll_interval = 0.2
        deadline = 5
    """
    assert loaded(tree, text) == Settings(
        node=Node(4, 3, "GLaDOS-4"),
        interfaces={"ext-1": "ens5", "ext-2": "ens6"},
        manager="AWS",
        client="dhclient",
        source="networkd",
        poll_interval=0.2,
        deadline=5.0,
    )


def test_a_devid_is_enough_for_a_node(tree: Tree) -> None:
    assert loaded(tree, "[node]\ndevid = 4\n").node == Node(4, 4, "node4")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[nodes]\n", "nodes"),
        ("[node]\nid = 1\n", "[node]"),
        ("node = 1\n", "node"),
        ("[node]\nlnn = 1\n", "[node] devid"),
        ('[node]\ndevid = "1"\n', "[node] devid"),
        ("[node]\ndevid = true\n", "[node] devid"),
        ("[node]\ndevid = 0\n", "devid 0"),
        ("[node]\ndevid = 1\nlnn = -1\n", "LNN -1"),
        ("[node]\ndevid = 1\nname = 4\n", "[node] name"),
        ('[node]\ndevid = 1\nname = ""\n', "[node] name"),
        ('[node]\ndevid = 1\nname = "a\\nb"\n', "[node] name"),
        ("[interfaces]\next-1 = 5\n", "[interfaces] ext-1"),
        ('[interfaces]\next-1 = "../ens5"\n', "../ens5"),
        ('[interfaces]\n"../../x" = "ens5"\n', "../../x"),
        ('[interfaces]\next-1 = "ens5"\next-2 = "ens5"\n', "that of ext-1 already, [interfaces] ext-2"),
        ('[dhcp]\nmanager = "aws"\n', "[dhcp] manager"),
        ("[dhcp]\nclient = []\n", "[dhcp] client"),
        ('[dhcp]\nsource = "dhcp"\n', "[dhcp] source"),
        ("[daemon]\npoll_interval = 0\n", "[daemon] poll_interval"),
        ("[daemon]\npoll_interval = nan\n", "[daemon] poll_interval"),
        ("[daemon]\npoll_interval = true\n", "[daemon] poll_interval"),
        ("[daemon]\npoll_interval = 0.009\n", "0.009 is not a time from 0.01 to 3600 s"),
        ("[daemon]\ndeadline = 3601\n", "[daemon] deadline"),
        ("[daemon]\ndeadline = 1.9\n", "1.9 is not a time from 2 to 3600 s, [daemon] deadline"),
        ("[daemon]\ndeadline = inf\n", "[daemon] deadline"),
        ("[daemon]\ninterval = 1\n", "[daemon]"),
    ],
)
def test_what_cannot_be_is_an_error_that_names_its_place_and_the_file(
    tree: Tree, text: str, where: str
) -> None:
    with pytest.raises(BadValue) as caught:
        loaded(tree, text)
    assert where in str(caught.value)
    assert tree.settings in str(caught.value)
    assert caught.value.todo


@pytest.mark.parametrize(
    "data",
    [
        b"[node\n",
        b"\xff\xfe",
        b"\xef\xbb\xbf[node]\n",
        b"[node]\ndevid = 1\ndevid = 2\n",
        b"a = " + b"[" * 100_000,
        b"[node]\ndevid = " + b"9" * 5000,
    ],
)
def test_what_is_not_toml_is_a_format_error(tree: Tree, data: bytes) -> None:
    Path(tree.settings).write_bytes(data)
    with pytest.raises(FormatError, match="not TOML") as caught:
        load(tree)
    assert caught.value.where == tree.settings


def test_a_file_that_cannot_be_read_is_not_one_that_is_missing(tree: Tree) -> None:
    os.mkdir(tree.settings)
    with pytest.raises(Unreadable):
        load(tree)
    os.rmdir(tree.settings)
    os.symlink("nowhere", tree.settings)
    with pytest.raises(Unreadable):
        load(tree)


def test_there_is_no_daemon_without_a_number(tree: Tree) -> None:
    with pytest.raises(Error, match="no number") as caught:
        node_of(Settings(), tree)
    assert caught.value.where == tree.settings


def test_the_least_deadline_outlasts_a_wait_for_a_file_that_is_not_there_just_now(tree: Tree) -> None:
    """Or the role would go with every such wait, and three deadlines be over in a daemon's first turn."""
    assert loaded(tree, "[daemon]\ndeadline = 2\n").deadline > PATIENCE_SECONDS
