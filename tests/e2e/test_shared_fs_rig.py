"""The rig of the cluster file systems itself: what it makes does not outlive the test, however that ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from needs import missing, need
from patience import eventually
from shared_fs import HOST_PACKAGES, HOUSE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

HOLDS_A_NETWORK = """\
import json, sys, time
from pathlib import Path
from shared_fs import Network
with Network(Path(sys.argv[1]), ("h1", "h2")) as network:
    for host in network.hosts:
        host.start("sleep", "1000")
    network.hosts[0].run("ping", "-c1", "-W2", network.address["h2"])
    print(json.dumps([network.switch.pid, *(host.pid for host in network.hosts)]), flush=True)
    time.sleep(1000)
"""


def test_hosts_end_with_a_test_that_is_killed(tmp_path: Path) -> None:
    need(missing({**HOST_PACKAGES, "ping": "iputils-ping"}, root_for="namespaces"))
    path = os.pathsep.join([str(HOUSE), str(Path(__file__).parent), str(HOUSE / "tests")])
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS_A_NETWORK, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
    ) as rig:
        assert rig.stdout is not None
        try:
            hosts = json.loads(rig.stdout.readline())
            inside = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if is_in(pid, hosts)]
            assert len(inside) >= 5  # the first process of each, and what was started
        finally:
            rig.kill()
    eventually(
        lambda: [pid for pid in inside if Path(f"/proc/{pid}").exists()], "they end", is_so=no, within=10
    )


def is_in(pid: int, hosts: list[int]) -> bool:
    """Whether a process is in one of the hosts' own namespaces."""
    try:
        itself, *known = (os.readlink(f"/proc/{one}/ns/pid") for one in (pid, *hosts))
    except OSError:  # it has ended, or is none of ours
        return False
    return itself in known


def no(found: object) -> bool:
    return not found
