"""What a changing command makes of what it is given: options more than once, and files on standard input."""

import json
import subprocess
import sys
from pathlib import Path

import fixed_cluster
import pytest

HOUSE = Path(__file__).parents[2]


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    fixed_cluster.make(tmp_path)
    return tmp_path


def ranges(cluster: Path, pool: str) -> list[str]:
    ran = fixed_cluster.run(cluster, "pools", "view", pool, "--format", "json")
    return [f"{one['low']}-{one['high']}" for one in json.loads(ran.out)["ranges"]]


def test_a_list_that_is_given_twice_is_both(cluster: Path) -> None:
    first, second = "10.20.31.40-10.20.31.41", "10.20.31.50-10.20.31.50"
    words = ("pools", "create", "subnet1.two", "--ranges", first, "--ranges", second)
    assert fixed_cluster.run(cluster, *words) == fixed_cluster.Ran(0, "", "")
    assert ranges(cluster, "subnet1.two") == [first, second]
    words = ("pools", "modify", "subnet1.two", "--remove-ranges", first, "--remove-ranges", second)
    assert fixed_cluster.run(cluster, *words, "--force") == fixed_cluster.Ran(0, "", "")
    assert ranges(cluster, "subnet1.two") == []


def piped(cluster: Path, data: bytes, *words: str) -> tuple[int, bytes, bytes]:
    command = [sys.executable, "-m", "isi_net", "--root", str(cluster), *words]
    ran = subprocess.run(command, input=data, cwd=HOUSE, capture_output=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


def test_what_is_exported_can_be_piped_back(cluster: Path) -> None:
    data = fixed_cluster.run(cluster, "config", "export").out.encode()
    assert piped(cluster, data, "config", "diff", "-") == (0, b"", b"")
    changed = data.replace(b'name="archive"', b'name="tape"')
    assert changed != data
    assert piped(cluster, changed, "config", "import", "-", "--force")[0] == 0
    assert b'name="tape"' in fixed_cluster.run(cluster, "config", "export").out.encode()


@pytest.mark.parametrize("verb", ["check", "diff", "import"])
def test_garbage_on_standard_input_is_named_so(cluster: Path, verb: str) -> None:
    status, out, err = piped(cluster, b"garbage", "config", verb, "-")
    assert (status, out) == (1, b"")
    assert err.startswith(b"Error: not XML")
    assert b"standard input line 1" in err


@pytest.mark.parametrize("verb", ["check", "diff", "import"])
def test_what_is_no_file_is_refused_with_what_to_name(cluster: Path, verb: str) -> None:
    ran = fixed_cluster.run(cluster, "config", verb, str(cluster))
    assert ran.err == f"Error: not a regular file, {cluster}; name one, or - for standard input\n"
