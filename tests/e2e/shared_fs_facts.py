"""What has to be so on every cluster file system: `test_glusterfs.py` and `test_moosefs.py` ask for it.

Each function drives three nodes with real daemons, and gives back the figures that it measured.
"""

import errno
import json
import os
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from needs import missing, need
from patience import eventually
from shared_fs import HOST_PACKAGES, Gluster, MooseFS, Network, Node, pool_addresses, published

from isi_net.errors import Unreadable
from isi_net.store import atomic
from isi_net.store.read import read, read_seen

Kind = TypeVar("Kind", Gluster, MooseFS)

ON_HOST = str(Path(__file__).with_name("on_host.py"))
FLEXNET = Path(".ifsvar/modules/flexnet")
MEMBERS = FLEXNET / "pool_members/groupnet.1.subnet.1.pool.1"


def running(kind: type[Kind], directory: Path) -> Iterator[Kind]:
    """Three hosts with the file system, while a fixture needs them.

    The logs are printed at the end, and seen when a test has failed.
    """
    need(missing({**HOST_PACKAGES, **kind.packages}, root_for="namespaces and mounts"))
    need([] if os.path.exists("/dev/fuse") else ["/dev/fuse"])
    with kind(directory) as network:
        try:
            yield network
        finally:
            print(network.logs())


def started(network: Gluster | MooseFS) -> list[Node]:
    """Three nodes with a lease each and their daemons just started."""
    nodes = [Node(host, devid, network.ifs) for devid, host in enumerate(network.hosts, start=1)]
    for node in nodes:
        node.lease(address(node.devid))
        node.start_daemon()
    return nodes


def address(devid: int, lease: int = 1) -> str:
    """The node's address; each new lease gives it another."""
    return f"10.20.30.{10 * lease + devid}"


def holder(nodes: list[Node], asked: Node) -> Node | None:
    """Who has the role, as `asked` sees it."""
    status = json.loads(asked.isi_net("merger", "status", "--format", "json").stdout)
    return next((node for node in nodes if status["held"] and node.devid == status["devid"]), None)


def a_holder(nodes: list[Node], asked: Node) -> Node:
    found = eventually(lambda: holder(nodes, asked), "somebody has the role")
    assert found is not None
    return found


def reports_merge_by_one_holder(nodes: list[Node]) -> None:
    """Exactly one node takes the role, every host says that it is the same, and all leases are published."""
    wanted = [address(node.devid) for node in nodes]
    for node in nodes:
        eventually(partial(pool_addresses, node), f"{node.name} sees {wanted}", is_so=wanted.__eq__)
    assert sum(len(node.takings()) for node in nodes) == 1
    assert len({a_holder(nodes, node).name for node in nodes}) == 1


def _takings(nodes: list[Node]) -> dict[int, int]:
    """How often each has taken the role."""
    return {node.devid: len(node.takings()) for node in nodes}


def _who_took_it(nodes: list[Node], before: dict[int, int]) -> list[Node]:
    return [node for node in nodes if len(node.takings()) > before[node.devid]]


def handover_after_sigkill(nodes: list[Node], times: int = 5) -> list[float]:
    """Seconds from SIGKILL of the holder's daemon to the next one's taking the role, which is never two."""
    took = []
    for _ in range(times):
        old = a_holder(nodes, nodes[0])
        time.sleep(1.2)  # the others stand in line
        takings = _takings(nodes)
        assert old.daemon is not None
        killed = old.daemon.kill()
        old.daemon.wait(within=10)
        [new] = eventually(partial(_who_took_it, nodes, takings), "another takes the role")
        assert new is not old
        took.append(new.takings()[-1] - killed)
        old.start_daemon()
    return took


def administrators_lose_no_change(
    network: Network, nodes: list[Node], each: int = 12
) -> tuple[int, dict[str, Any]]:
    """Two hosts make groupnets as fast as they can while a third reads; gives back what the reader counted.

    A change that lost the race five times says so and is made again, as its administrator would.
    """
    second_names = [str(nodes[0].ifs / FLEXNET / "flx_config.xml"), str(nodes[0].ifs / MEMBERS)]
    reader = nodes[2].host.popen(sys.executable, ON_HOST, "watch", str(nodes[0].ifs), *second_names)
    first = max(number for number, _, _ in published(nodes[0]))
    wanted = {node.devid: [f"by{node.devid}-{number}" for number in range(each)] for node in nodes[:2]}
    running: dict[int, Any] = {}
    lost = 0
    while any(wanted.values()) or running:
        for node in nodes[:2]:
            if node.devid not in running and wanted[node.devid]:
                running[node.devid] = node.popen("groupnets", "create", wanted[node.devid][0])
        for devid, command in list(running.items()):
            if command.poll() is None:
                continue
            _, said = command.communicate()
            if command.returncode:
                assert "published first" in said, said
                lost += 1
            else:
                wanted[devid].pop(0)
            del running[devid]
        time.sleep(0.005)
    out, said = reader.communicate("enough\n", timeout=30)
    assert reader.returncode == 0, said

    names = {one["id"] for one in nodes[2].ask("groupnets", "list")}
    assert {f"by{devid}-{number}" for devid in (1, 2) for number in range(each)} <= names
    numbers = [number for number, _, _ in published(nodes[2])]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert numbers[-1] >= first + 2 * each
    counted: dict[str, Any] = json.loads(out)
    wrong = {what: counted.get(what, 0) for what in ("torn", "configuration went back", "not survived")}
    assert not any(wrong.values()), wrong
    return lost, counted


def what_was_just_replaced_is_read(network: Network, times: int = 60) -> dict[str, Any]:
    """One host replaces a file, another opens it at once; gives back how often it was told what, and how many
    seconds patience took where it was told no content.

    What is read is whole, never older than what was read before, and the newest within 1.5 s.
    """
    path = network.ifs / "replaced"
    writer, reader = (str(host.seen(path)) for host in network.hosts[:2])
    told: Counter[str] = Counter()
    slowest, newest = 0.0, 0
    for number in range(1, times + 1):
        atomic.replace(writer, b"%06d\n" % number)
        begun = time.monotonic()
        try:
            data, _ = read(reader, 64)
            told["old" if int(data) < number else "new"] += 1
        except Unreadable as error:
            assert isinstance(error.__cause__, OSError), error
            told[errno.errorcode[error.__cause__.errno or 0]] += 1
            data, _ = read_seen(reader, 64)
            slowest = max(slowest, time.monotonic() - begun)
        assert len(data) == 7
        assert newest <= int(data) <= number
        newest = int(data)
        time.sleep(random.uniform(0.1, 0.3))
    eventually(lambda: int(read_seen(reader, 64)[0]), "the newest", is_so=times.__eq__, within=1.5)
    return {"times": times, "told": dict(told), "slowest": slowest}


def _last_of_merger(node: Node) -> str:
    """What the node's merger said last."""
    return [line for line in node.log().splitlines() if "IPMerger: " in line][-1]


def a_cut_off_holder_does_no_harm(network: Network, nodes: list[Node], within: float) -> dict[str, Any]:
    """The holder's cable is pulled while a file of its is on its way out of its staging directory.

    Another takes the role and publishes.  The cable comes back: the late rename fails at the fence (an
    unfenced one, for comparison, may well be carried out), and the old holder publishes nothing, stands in
    line, and has its own news published by the new holder.
    """
    old = a_holder(nodes, nodes[0])
    others = [node for node in nodes if node is not old]
    flexnet = old.ifs / FLEXNET
    terms = [int(one.name) for one in old.host.seen(flexnet / "staging").iterdir() if one.name.isdigit()]
    assert len(terms) == 1
    staging = flexnet / "staging" / str(terms[0])
    fenced, control = flexnet / "late.fenced", flexnet / "late.control"
    for file in (fenced, control):
        old.host.seen(file).write_text("early\n")
    late = old.host.popen(sys.executable, ON_HOST, "late", str(staging), str(fenced), str(control))
    assert late.stdin is not None
    assert late.stdout is not None
    assert late.stdout.readline() == "staged\n"
    before = _takings(nodes)

    cut = network.cut(old.host)
    late.stdin.write("go\n")
    old.lease(address(old.devid, lease=2))
    [new] = eventually(partial(_who_took_it, others, before), "another takes the role", within=within)
    takeover = new.takings()[-1] - cut
    new.lease(address(new.devid, lease=2))
    eventually(lambda: address(new.devid, lease=2) in pool_addresses(new), "the new holder publishes")
    for file in (fenced, control):
        new.host.seen(file).write_text("the new holder's\n")
    of_old = [number for number, _, author in published(new) if author.startswith(f"{old.name}(")]

    plugged = network.plug_in(old.host)
    said, error = late.communicate(timeout=120)
    assert late.returncode == 0, error
    answers = json.loads(said)
    lives = [old.daemon]

    def its_news_are_published() -> bool:
        """Its watchdog ends a daemon that hung for three deadlines; its service manager starts it again."""
        if lives[-1] is not None and not lives[-1].running():
            lives.append(old.start_daemon())
        return address(old.devid, lease=2) in pool_addresses(old)

    eventually(its_news_are_published, "its report is merged", within=60)
    back = time.time() - plugged
    eventually(lambda: "standing in line" in _last_of_merger(old), "it stands in line")

    assert answers["fenced"]["answer"] != "ok"
    for node in nodes:
        assert node.host.seen(fenced).read_text() == "the new holder's\n"
        assert a_holder(nodes, node) is new
    history = list(published(new))
    assert [one for _, one, _ in history] == sorted(one for _, one, _ in history)
    assert [number for number, _, author in history if author.startswith(f"{old.name}(")] == of_old
    assert {author for _, one, author in history if one > terms[0]} == {
        f"{new.name}(id{new.devid}) IPMerger, term {history[-1][1]}"
    }
    return {
        "takeover": takeover,
        "back": back,
        "fenced": answers["fenced"],
        "control": answers["control"],
        "control reads": new.host.seen(control).read_text().strip(),
        "daemon's lives": len(lives),
    }


def the_file_system_is_found_sound(nodes: list[Node]) -> list[str]:
    """`isi_net ifs check`, on all hosts at once and beside the daemons, says the same on each; its lines."""
    asked = [node.popen("ifs", "check", "--hosts", str(len(nodes)), "--format", "json") for node in nodes]
    answers = []
    for command in asked:
        out, said = command.communicate(timeout=150)
        assert command.returncode == 0, out + said
        answers.append(json.loads(out))
    assert answers[0] == answers[1] == answers[2]
    left = nodes[0].host.seen(nodes[0].ifs / FLEXNET / "ifs_check")
    eventually(lambda: not left.exists(), "nothing is left of it", within=3)
    return [f"{one['check']} {one['verdict']}: {one['said']}" for one in answers[0]]


def milliseconds(took: list[float]) -> str:
    """The median and the greatest, for a person."""
    return f"median {1000 * statistics.median(took):.1f} ms, at most {1000 * max(took):.1f} ms, n={len(took)}"
