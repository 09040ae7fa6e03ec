"""How a command line is read: ids, and options that are cut short."""

from pathlib import Path

import fixed_cluster
import pytest
from fixed_cluster import run

POOL = "subnet0.pool0"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("cluster")
    fixed_cluster.make(directory)
    return directory


@pytest.mark.parametrize(
    "spelled",
    [
        ["pools", "view", POOL],
        ["pools", "view", "groupnet0:subnet0:pool0"],
        ["pools", "view", "--id", POOL],
        ["pools", "view", f"--id={POOL}"],
        ["pools", "view", "--format", "table", "--id", POOL],
        ["po", "v", POOL, "--form=table"],
    ],
    ids=" ".join,
)
def test_a_pool_is_named_in_many_ways(cluster: Path, spelled: list[str]) -> None:
    plain = run(cluster, "pools", "view", "groupnet0.subnet0.pool0")
    assert plain.status == 0
    assert run(cluster, *spelled) == plain


def test_an_id_may_stand_before_the_other_arguments(cluster: Path) -> None:
    made = run(cluster, "subnets", "create", "ipv4", "24", "--id", "subnet7", "--dry-run")
    assert (made.status, made.err) == (0, "")
    assert made.out == "groupnet0.subnet7: made with addr_family ipv4, prefixlen 24\n"


@pytest.mark.parametrize("value", ["--force", "--nope", "--for", "--"])
def test_a_value_that_looks_like_an_option_is_a_value(cluster: Path, value: str) -> None:
    said = run(cluster, "pools", "modify", POOL, "--description", value, "--dry-run").out
    assert said.endswith(f"is now {value}\n")


@pytest.mark.parametrize("words", [["--id"], ["--id", POOL, "again"]], ids=" ".join)
def test_an_id_is_given_once_and_whole(cluster: Path, words: list[str]) -> None:
    assert run(cluster, "pools", "view", *words).status == 2
