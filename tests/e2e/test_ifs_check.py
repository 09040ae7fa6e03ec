"""`isi_net ifs check` as an administrator starts it, on hosts that share a directory of this machine."""

import json
import os
import pty
import signal
import subprocess
import sys
import tty
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from needs import missing, need
from patience import eventually
from shared_fs import HOST_PACKAGES, HOUSE, Host, Node

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

CHECK = Path(".ifsvar/modules/flexnet/ifs_check")


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[Node]]:
    """Two nodes that share `tmp_path/ifs`, and no network at all."""
    need(missing(HOST_PACKAGES, root_for="namespaces"))
    (tmp_path / "ifs").mkdir()
    with ExitStack() as stack:
        hosts = [stack.enter_context(Host(name, tmp_path / name)) for name in ("h1", "h2")]
        yield [Node(host, devid, tmp_path / "ifs") for devid, host in enumerate(hosts, start=1)]


def start(node: Node, *more: str) -> subprocess.Popen[str]:
    return node.popen("ifs", "check", "--hosts", "2", "--seconds", "0.5", "--format", "json", *more)


def ended(*checks: subprocess.Popen[str]) -> tuple[int, list[dict[str, Any]]]:
    """The exit status and the verdicts, which every host says alike."""
    answers = []
    for check in checks:
        out, said = check.communicate(timeout=90)
        assert said == ""
        answers.append((check.returncode, json.loads(out)))
    assert all(answer == answers[0] for answer in answers)
    return answers[0]


def test_a_sound_directory_exits_0_and_nothing_is_left_in_it(nodes: list[Node]) -> None:
    status, verdicts = ended(*(start(node) for node in nodes))
    assert (status, {one["verdict"] for one in verdicts}) == (0, {"ok"})
    for one in verdicts:
        assert list(one) == ["check", "verdict", "said", "measured", "unit", "todo", "hosts"]
        assert one["hosts"] == 2
    assert not (nodes[0].ifs / CHECK).exists()


def test_a_directory_that_is_another_one_on_each_host_exits_1(nodes: list[Node]) -> None:
    """Two file systems pretend to be one: what is locked and linked there is in fact each host's own."""
    trial = nodes[0].ifs / CHECK / "trial"
    trial.mkdir(parents=True)
    for node in nodes:
        node.host.run("mount", "-t", "tmpfs", "its-own", str(trial))
    status, verdicts = ended(*(start(node) for node in nodes))
    states = {one["check"]: one["verdict"] for one in verdicts}
    assert status == 1
    assert {states[one] for one in ("exclusion", "link", "rename", "visibility")} == {"broken"}
    assert all("run no daemons" in one["todo"] for one in verdicts if one["check"] in ("exclusion", "link"))


def test_one_host_alone_exits_1_and_says_what_it_cannot_tell(nodes: list[Node]) -> None:
    done = nodes[0].isi_net("ifs", "check", "--wait", "0")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.count("one host alone cannot tell") == 7


def test_control_c_ends_it_on_every_host_and_leaves_nothing(nodes: list[Node]) -> None:
    checks = [start(node) for node in nodes]
    eventually(lambda: list((nodes[0].ifs / CHECK).glob("trial/*")), "they are at it")
    first = nodes[0].host.run("pgrep", "--full", "ifs check").split()
    nodes[0].host.run("kill", f"-{signal.SIGINT.name}", *first)
    said = [check.communicate(timeout=60)[1] for check in checks]
    assert [check.returncode for check in checks] == [130, 1]
    assert "h1 left the check" in said[1]
    assert not (nodes[0].ifs / CHECK).exists()


def test_a_directory_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    done = isi_net("--root", str(tmp_path), "--ifs", str(gone), "ifs", "check", stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert b"not a directory" in done.stderr
    assert not gone.exists()


def test_a_bar_shows_only_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "ifs").mkdir()
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    done = isi_net("--root", str(tmp_path), "ifs", "check", "--wait", "0.5", stderr=theirs)
    os.close(theirs)
    shown = os.read(ours, 1 << 16)
    os.close(ours)
    assert b"other hosts" in shown
    assert done.stdout.startswith(b"Check ")


def isi_net(*arguments: str, stderr: int) -> subprocess.CompletedProcess[bytes]:
    """Runs `isi_net` on this machine as it is."""
    return subprocess.run(
        [sys.executable, "-m", "isi_net", *arguments],
        env={**os.environ, "PYTHONPATH": str(HOUSE)},
        stdout=subprocess.PIPE,
        stderr=stderr,
        check=False,
    )
