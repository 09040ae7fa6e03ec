"""The whole check, by processes that share a directory: on a sound one, and on those that are not."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from isi_net.check.meeting import Members, decode
from isi_net.errors import FormatError
from isi_net.store.tree import Tree

pytestmark = pytest.mark.slow

HOUSE = Path(__file__).parents[3]
HOST = str(Path(__file__).with_name("checking_host.py"))


def start(directory: Path, name: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, HOST, name, str(directory), json.dumps(options)],
        env={**os.environ, "PYTHONPATH": str(HOUSE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(*hosts: subprocess.Popen[str]) -> list[tuple[int, str, str]]:
    """Their exit statuses, and what they said."""
    answers = []
    for host in hosts:
        out, err = host.communicate(timeout=60)
        answers.append((host.returncode, out, err))
    return answers


def checked(*hosts: subprocess.Popen[str]) -> dict[str, Any]:
    """What all of them found, which is the same, by check."""
    answers = ended(*hosts)
    assert [status for status, _, _ in answers] == [0] * len(hosts), answers
    assert len({out for _, out, _ in answers}) == 1
    return {one["check"]: one for one in json.loads(answers[0][1])["found"]}


def states(found: dict[str, Any]) -> dict[str, str]:
    return {check: one["state"] for check, one in found.items()}


def left(directory: Path) -> list[Path]:
    return list(Path(Tree("/", str(directory)).flexnet).rglob("*"))


def test_a_sound_directory_is_ok_in_every_line_and_nothing_is_left(tmp_path: Path) -> None:
    found = checked(*(start(tmp_path, name, wanted=3) for name in ("h1", "h2", "h3")))
    assert set(states(found).values()) == {"ok"}
    assert left(tmp_path) == []


def test_lockf_against_flock_is_found_out(tmp_path: Path) -> None:
    found = checked(start(tmp_path, "h1"), start(tmp_path, "h2", lock="lockf"))
    assert states(found) | {"exclusion": "broken", "wake-up": "unknown"} == states(found)
    assert "got the lock while" in found["exclusion"]["said"]
    assert states(found)["link"] == states(found)["rename"] == "ok"


def test_a_lock_file_of_its_own_on_each_host_is_found_out(tmp_path: Path) -> None:
    found = checked(*(start(tmp_path, name, lock="elsewhere") for name in ("h1", "h2")))
    assert states(found)["exclusion"] == "broken"


def test_two_directories_that_pretend_to_be_one_are_broken_in_all_that_matters(tmp_path: Path) -> None:
    found = checked(*(start(tmp_path, name, apart=True) for name in ("h1", "h2")))
    assert {states(found)[one] for one in ("exclusion", "link", "rename", "visibility")} == {"broken"}


def test_a_clock_an_hour_off_is_found_out_and_named(tmp_path: Path) -> None:
    found = checked(start(tmp_path, "h1"), start(tmp_path, "h2", ahead=3600.0))
    assert states(found) == dict.fromkeys(found, "ok") | {"clocks": "broken"}
    assert abs(found["clocks"]["measured"] - 3600) < 1


def test_hosts_find_each_other_without_a_number(tmp_path: Path) -> None:
    hosts = [start(tmp_path, name, wanted=None, wait=2.0) for name in ("h1", "h2")]
    assert set(states(checked(*hosts)).values()) == {"ok"}


@pytest.mark.parametrize(
    "spoilt", [b"{", b'"\xff"', b"[" * 100_000, b'{"tokens": 5}', b'{"tokens": ["../../x", "0123456789ab"]}']
)
def test_a_broken_file_that_lies_there_does_not_disturb_a_check(tmp_path: Path, spoilt: bytes) -> None:
    said = Path(Tree("/", str(tmp_path)).check_said)
    said.mkdir(parents=True)
    (said / "x.party").write_bytes(spoilt)
    found = checked(start(tmp_path, "h1", wanted=None, wait=0.0))
    assert set(states(found).values()) == {"unknown"}


@pytest.mark.parametrize(
    "spoilt", [b"{", b'{"tokens": ["0123456789ab", "../../../x"]}', b'{"tokens": ["0123456789ab\\n"]}']
)
def test_what_no_host_said_is_an_error_that_names_the_file(spoilt: bytes) -> None:
    with pytest.raises(FormatError, match="no word of a check") as raised:
        decode(spoilt, Members, "/ifs/said/x.party")
    assert raised.value.where == "/ifs/said/x.party"


def test_only_a_host_s_word_counts_as_one_that_is_there(tmp_path: Path) -> None:
    """A host that would be waited for, or lead, by a name that none has."""
    tree = Tree("/", str(tmp_path))
    hosts = Path(tree.check_hosts)
    hosts.mkdir(parents=True)
    stop = threading.Event()

    def beat() -> None:
        number = 0
        while not stop.wait(0.05):
            number += 1
            (hosts / f"00.{number}").touch()

    impostor = threading.Thread(target=beat)
    impostor.start()
    try:
        found = checked(start(tmp_path, "h1", wanted=None, wait=1.0))
    finally:
        stop.set()
        impostor.join()
    assert set(states(found).values()) == {"unknown"}


def test_one_host_alone_ends_soon_and_says_what_it_cannot_tell(tmp_path: Path) -> None:
    found = checked(start(tmp_path, "h1", wanted=None, wait=0.0))
    assert set(states(found).values()) == {"unknown"}
    assert left(tmp_path) == []


def test_a_host_that_stays_away_ends_the_check(tmp_path: Path) -> None:
    [(status, _, said)] = ended(start(tmp_path, "h1", wait=1.0))
    assert status == 1
    assert "1 of 2 hosts came" in said
    assert left(tmp_path) == []


def test_two_checks_on_one_host_are_refused(tmp_path: Path) -> None:
    """They would share a kernel, and say nothing about any other."""
    answers = ended(*(start(tmp_path, "h1", machine="m1") for _ in range(2)))
    assert [status for status, _, _ in answers] == [1, 1]
    assert all("takes part twice" in said for _, _, said in answers)


def test_a_host_that_is_interrupted_ends_the_check_for_all_and_leaves_nothing(tmp_path: Path) -> None:
    hosts = [start(tmp_path, name) for name in ("h1", "h2")]
    while not list(tmp_path.rglob("trial/*")):
        time.sleep(0.01)
    hosts[0].send_signal(signal.SIGINT)
    first, second = ended(*hosts)
    assert "KeyboardInterrupt" in first[2]
    assert second[0] == 1
    assert "h1 left the check: interrupted" in second[2]
    assert left(tmp_path) == []


def test_a_host_that_is_killed_ends_the_check_for_the_other_in_bounded_time(tmp_path: Path) -> None:
    hosts = [start(tmp_path, name) for name in ("h1", "h2")]
    while not list(tmp_path.rglob("trial/*")):
        time.sleep(0.01)
    hosts[0].kill()
    _, (status, _, said) = ended(*hosts)
    assert status == 1
    assert "h1 did not answer for" in said


def test_what_a_killed_host_left_does_not_disturb_the_next_check(tmp_path: Path) -> None:
    hosts = [start(tmp_path, name) for name in ("h1", "h2")]
    while not list(tmp_path.rglob("trial/*")):
        time.sleep(0.01)
    for host in hosts:
        host.kill()
    ended(*hosts)
    assert left(tmp_path)
    assert set(states(checked(*(start(tmp_path, name) for name in ("h1", "h2")))).values()) == {"ok"}
