"""Versions compare as numbers."""

from itertools import pairwise

import pytest

from isi_net.model.network import EARLIER, ClusterSettings
from isi_net.model.version import version


def test_versions_compare_as_numbers_and_not_as_text() -> None:
    grown = [
        "0.1.0.dev1",
        "0.1.0",
        "0.1.1rc2",
        "0.1.1",
        "0.2",
        "0.9.9",
        "0.10.0",
        "1.0a1",
        "1",
        "9.7",
        "9.10",
    ]
    for older, newer in pairwise(grown):
        was, now = version(older), version(newer)
        assert was is not None
        assert now is not None
        assert was < now, (older, newer)


@pytest.mark.parametrize(("one", "other"), [("9.7", "9.7.0.0"), ("1.0.0", "1"), ("1.2+abc", "1.2")])
def test_some_differ_in_spelling_only(one: str, other: str) -> None:
    assert version(one) == version(other)


@pytest.mark.parametrize("text", ["", "new", "1..2", "v1", "1." + "9" * 10, "1.0\n", "٣", "-1", "1.0 (x)"])
def test_anything_else_is_no_version(text: str) -> None:
    assert version(text) is None


@pytest.mark.parametrize(
    ("release", "committed"),
    [("", False), ("9.6.9.9", False), ("9.7", True), ("9.7.0.0", True), ("9.10.0.0", True), ("10.0", True)],
)
def test_the_feature_is_there_from_9_7_on(release: str, committed: bool) -> None:
    assert ClusterSettings(release).committed is committed


def test_a_new_cluster_begins_committed_and_an_earlier_release_s_does_not() -> None:
    assert ClusterSettings().committed
    assert not EARLIER.committed
