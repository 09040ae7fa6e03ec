"""DHCP clients are found among this machine's processes by their names in the kernel."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from children import Child, child

from isi_net.dhcp.processes import clients, nics

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")


@pytest.fixture
def udhcpc(tmp_path: Path) -> Iterator[Child]:
    """A process that calls itself like a DHCP client of busybox's."""
    program = tmp_path / "udhcpc"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    with child(str(program), "60") as process:
        yield process


def test_a_client_is_found_with_its_words(udhcpc: Child) -> None:
    (found,) = (one for one in clients() if one.pid == udhcpc.pid)
    assert (found.name, found.group, found.words[1:]) == ("udhcpc", udhcpc.pid, ("60",))
    assert found.serves("ext-1", ["ext-1", "lo"])


def test_one_that_has_ended_is_not_found(udhcpc: Child) -> None:
    udhcpc.kill()
    os.waitid(os.P_PID, udhcpc.pid, os.WEXITED | os.WNOWAIT)  # a zombie keeps its name
    assert udhcpc.pid not in [one.pid for one in clients()]


@pytest.mark.slow
def test_one_in_another_network_namespace_is_not_found(tmp_path: Path) -> None:
    """It cannot reach our interfaces."""
    program = tmp_path / "udhcpc"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    with subprocess.Popen(["unshare", "--net", program, "60"]) as process:
        try:
            while Path(f"/proc/{process.pid}/comm").read_text().strip() != "udhcpc":
                assert process.poll() is None
            assert process.pid not in [one.pid for one in clients()]
        finally:
            process.kill()


def test_nics_have_their_numbers() -> None:
    assert nics()["lo"] == 1
