"""The demo's story, in paragraphs: each is given out as soon as it has come true."""

import os
import shlex
import shutil
import tempfile
import textwrap
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from isi_net.demo import cloud
from isi_net.demo.cluster import Cluster, Member
from isi_net.errors import Error, Refused
from isi_net.merger import status
from isi_net.settings import DEADLINE_SECONDS


def tell(wanted: str | None, keep: bool) -> Generator[str, None, None]:
    """Plays the demo in the directory `wanted`, or in a temporary one, and tells it as it goes.

    What was made is taken away at the end, also when the listener leaves early; it stays with `keep`, or
    when something failed.  Raises Refused when `wanted` is not empty, and Error when something failed.
    """
    with _place(wanted, keep) as directory:
        with Cluster(directory) as cluster:
            yield from _story(cluster, directory)
        if keep:
            yield _how_to_look_around(cluster, directory)
    if not keep:
        yield f"\n   {directory} is cleaned up; isi_net demo --keep leaves it for a look.\n"


def _story(cluster: Cluster, directory: str) -> Iterator[str]:
    began = time.monotonic()
    yield "A cluster of four nodes and a cloud, in one directory; nothing outside it is touched.\n"

    cluster.start()
    yield f"\n1. Four nodes, and the file system that they share, in {directory}:\n\n"
    for devid, member in cluster.members.items():
        yield f"   node{devid}: GLaDOS-{devid}, its daemon is process {member.daemon.pid}\n"

    first = cluster.eventually(lambda: cluster.taking(after=0), "a daemon takes the IPMerger role")
    yield "\n2. One of them takes the role of the IP Merger, as its log says:\n"
    yield f"\n   {first.line}\n"

    yield "\n3. The cloud leases addresses.  Each node reports its own, the IP Merger publishes them all:\n\n"
    for member in cluster.members.values():
        yield f"   {_lease(cluster, member)}\n"
    for words in (("pools", "list"), ("interfaces", "list", "--externally-managed")):
        yield "\n" + textwrap.indent(cluster.isi_net(*words), "   ")

    before = cluster.addresses()
    yield f"\n4. The IP Merger dies without a word: kill -9 {cluster.members[first.devid].daemon.pid}\n"
    killed = cluster.kill(first.devid)
    second = cluster.eventually(lambda: cluster.taking(after=killed), "another takes the IPMerger role")
    yield f"\n   {_milliseconds(second.at - killed)} later another node has taken over, as its log says:\n"
    yield f"\n   {second.line}\n"
    cluster.eventually(lambda: _ended_a_turn(cluster, second.at), "the new IP Merger ends a turn")
    if cluster.addresses() != before:
        raise Error(f"the addresses changed at the takeover, from {before} to {cluster.addresses()}")
    yield f"\n   Every address stayed: {', '.join(map(str, before))}\n"

    cluster.stop()
    yield "\n5. SIGTERM ends the other three daemons, each with exit status 0.\n"
    yield f"\n   All this took {time.monotonic() - began:.1f} seconds.\n"


def _lease(cluster: Cluster, member: Member) -> str:
    """Leases a node its address, waits until the cluster has published it, and says how long that took."""
    leased = time.monotonic()
    address = cloud.lease(member.tree, member.devid, time.time())
    what = f"{address} leased to {member.devid}:{cloud.INTERFACE}"
    cluster.eventually(lambda: address in cluster.addresses(), f"{what} and published")
    return f"{what}, in the pool {_milliseconds(time.monotonic() - leased)} later"


def _ended_a_turn(cluster: Cluster, since: float) -> bool:
    last = status.read(cluster.tree, DEADLINE_SECONDS, time.time()).last_turn
    return last is not None and last > since


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _how_to_look_around(cluster: Cluster, directory: str) -> str:
    settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in cluster.environment().items())
    return f"""
   Everything is left in {directory}.  No daemon is needed to look around:

   export {settings}
   isi_net pools view groupnet0.subnet0.pool0
   isi_net reports list
   isi_net config view
   grep IPMerger {shlex.quote(directory)}/node*/var/log/isi_smartconnect
   isi_net daemon    (node1's, until Ctrl-C)
"""


@contextmanager
def _place(wanted: str | None, keep: bool) -> Iterator[str]:
    """An empty directory; what is in it at the end is taken away, unless `keep` or something failed."""
    if wanted is None:
        directory = tempfile.mkdtemp(prefix="isi_net-demo-")
        made = True
    else:
        directory = os.path.abspath(wanted)
        made = not os.path.lexists(directory)
        if made:
            os.mkdir(directory)
        elif os.listdir(directory):
            raise Refused("not an empty directory", directory, "name one that is empty, or none yet")
    try:
        yield directory
    except (Error, OSError) as error:
        keep = True
        logs = f"{directory}/node*/var/log/isi_smartconnect"
        raise Error(
            f"the demo failed: {error}", "", f"everything is left for a look, the logs in {logs}"
        ) from error
    finally:
        if not keep:
            for name in os.listdir(directory):
                shutil.rmtree(os.path.join(directory, name))
            if made:
                os.rmdir(directory)
