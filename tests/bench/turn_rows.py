"""How long the merger's turns take, against the least that anybody could do for the same answer."""

import gc
import os
import shutil
import time
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import msgspec
from measured import Row, medians, ratio, timed
from some_cluster import report, write_report, write_reports

from isi_net.daemon.loop import collect_garbage
from isi_net.flexnet.published import Following
from isi_net.merger.merger import Merger
from isi_net.merger.role import Role
from isi_net.model.network import Node
from isi_net.store import revisions
from isi_net.store.read import GRAIN_SECONDS
from isi_net.store.tree import Tree

NODES = 252


def rows(directory: Path, small: bool) -> Iterator[Row]:
    gc.disable()  # as in a daemon: it collects in its rests, and ours do between two turns
    yield from _small_turns(directory / "turns", small)
    few = NODES
    many = 500 if small else 10_000
    a_node_of_few = a_node_of_many = 0.0
    for nodes, trials in ((few, 3 if small else 30), (many, 1 if small else 5)):
        ours, floor = _from_nothing(directory / f"nothing-{nodes}", nodes, trials)
        what = f"merge from nothing, {nodes:,} nodes"
        yield ratio(what, ours, floor, 3, "read, JSON-decode; the same writes, renames and fsyncs")
        a_node_of_few, a_node_of_many = a_node_of_many, ours / nodes
    yield ratio(
        f"merge from nothing, a node of {many:,}",
        a_node_of_many,
        a_node_of_few,
        1.3,
        f"a node of {few}",
    )
    gc.enable()


def _merger(tree: Tree) -> Merger:
    role = Role(tree, Node(1, 1, "GLaDOS-1"), os.getpid(), 60.0, time.time, time.monotonic, None)
    return Merger(tree, Node(1, 1, "GLaDOS-1"), role, Following(tree), time.time, lambda _: None)


def _small_turns(directory: Path, small: bool) -> Iterator[Row]:
    """A turn in which nothing changed, and one in which one report did."""
    tree = Tree(str(directory))
    write_reports(tree, NODES)
    merger = _merger(tree)
    merger.turn()
    time.sleep(GRAIN_SECONDS + 0.1)
    merger.turn()  # has seen now that they do not change

    def look() -> None:
        with os.scandir(tree.reports) as entries:
            for entry in entries:
                entry.stat(follow_symlinks=False)

    pair = medians(timed(merger.turn), timed(look), 50 if small else 1000)
    yield ratio("turn, nothing changed, 252 reports", *pair, 2, "list the directory, stat each entry")

    again = 0

    def written_again() -> float:
        nonlocal again
        again += 1
        write_report(tree, report(8, later=again))
        return timed(merger.turn)()

    def look_and_read() -> None:
        look()
        msgspec.json.decode(Path(tree.report(8)).read_bytes())

    pair = medians(written_again, timed(look_and_read), 20 if small else 500)
    what = "list the directory, stat each entry, read one"
    yield ratio("turn, one report written again, 252 reports", *pair, 2, what)
    assert not os.path.exists(tree.revision(2))

    floor_tree = same_directories(directory / "floor")
    changed = 0

    def ours() -> float:
        nonlocal changed
        changed += 1
        write_report(tree, report(7, IPv4Address("10.20.100.0") + changed))
        took = timed(merger.turn)()
        assert os.path.exists(tree.revision(1 + changed))
        collect_garbage()
        return took

    def floor() -> float:
        configuration = Path(tree.configuration).read_bytes()
        members = Path(tree.members_of(1, 1, 1)).read_bytes()

        def work() -> None:
            msgspec.json.decode(Path(tree.report(7)).read_bytes())
            _publish(floor_tree, changed, configuration, members)

        return timed(work)()

    pair = medians(ours, floor, 10 if small else 200)
    what = "read one report; the same writes, renames and fsyncs"
    yield ratio("turn, one report changed, 252 reports", *pair, 3, what)
    merger.role.give_back("released", rest=False)


def _from_nothing(directory: Path, nodes: int, trials: int) -> tuple[float, float]:
    tree = Tree(str(directory))
    write_reports(tree, nodes)
    bare = Tree(str(directory / "floor"))

    configuration = members = tenure = b""

    def ours() -> float:
        nonlocal configuration, members, tenure
        _clean(tree)
        merger = _merger(tree)
        took = timed(merger.turn)()
        configuration = Path(tree.configuration).read_bytes()
        members = Path(tree.members_of(1, 1, 1)).read_bytes()
        tenure = Path(tree.tenure(1)).read_bytes()
        merger.role.give_back("released", rest=False)
        collect_garbage()
        return took

    def floor() -> float:
        _clean(bare)

        def work() -> None:
            for name in os.listdir(tree.reports):
                with open(os.path.join(tree.reports, name), "rb") as file:
                    msgspec.json.decode(file.read())
            _office(bare, tenure)
            _publish(bare, 1, configuration, members)

        return timed(work)()

    return medians(ours, floor, trials)


def _clean(tree: Tree) -> None:
    """Takes away what a merger makes."""
    for path in (tree.revisions, tree.pool_members, tree.staging, tree.workers):
        shutil.rmtree(path, ignore_errors=True)
    Path(tree.configuration).unlink(missing_ok=True)
    for path in (tree.flexnet, os.path.dirname(tree.workers)):
        os.makedirs(path, exist_ok=True)


def same_directories(directory: Path) -> Tree:
    other = Tree(str(directory))
    for path in (other.term_staging(1), other.revisions, other.pool_members):
        os.makedirs(path)
    return other


# The floor's writes: the same files, renames and fsyncs as the merger's, and nothing else.


def _publish(tree: Tree, number: int, configuration: bytes, members: bytes) -> None:
    path = staged(tree, configuration)
    os.link(path, tree.revision(number))
    sync(tree.revisions)
    os.unlink(path)
    if number > revisions.KEPT:
        os.unlink(tree.revision(number - revisions.KEPT))
    put(tree, tree.members_of(1, 1, 1), members)
    put(tree, tree.configuration, configuration)


def _office(tree: Tree, tenure: bytes) -> None:
    for path in (tree.workers, tree.staging, tree.term_staging(1), tree.tenures):
        _make(path)
    put(tree, tree.tenure(1), tenure)
    with open(tree.merger_lock, "wb") as lock:
        lock.write(b"1\n")
    for path in (tree.revisions, tree.pool_members):
        _make(path)


def _make(path: str) -> None:
    os.mkdir(path)
    sync(os.path.dirname(path))


def put(tree: Tree, target: str, data: bytes) -> None:
    os.rename(staged(tree, data), target)
    sync(os.path.dirname(target))


def staged(tree: Tree, data: bytes) -> str:
    path = os.path.join(tree.term_staging(1), "staged")
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return path


def sync(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
