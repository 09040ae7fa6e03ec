"""`isi_net` on MooseFS, its session timeout as isi_net-cluster(7) says."""

from collections.abc import Iterator

import pytest
import shared_fs_facts as facts
from shared_fs import MooseFS, Node

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def moosefs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MooseFS]:
    """Three hosts with the file system."""
    yield from facts.running(MooseFS, tmp_path_factory.mktemp("moosefs"))


@pytest.fixture(scope="module")
def nodes(moosefs: MooseFS) -> list[Node]:
    return facts.started(moosefs)


def test_one_node_holds_the_role_and_all_reports_merge(nodes: list[Node]) -> None:
    facts.reports_merge_by_one_holder(nodes)


def test_two_administrators_lose_no_change(moosefs: MooseFS, nodes: list[Node]) -> None:
    lost, counted = facts.administrators_lose_no_change(moosefs, nodes)
    print(f"FIGURE moosefs: two administrators: 24 changes kept, {lost} made again; a reader: {counted}")


def test_the_next_holder_is_in_within_milliseconds_of_sigkill(nodes: list[Node]) -> None:
    """Far less than the poll interval, a second: it waits in the kernel, for another host's lock."""
    took = facts.handover_after_sigkill(nodes)
    print(f"FIGURE moosefs: next holder after SIGKILL: {facts.milliseconds(took)}")
    assert sorted(took)[len(took) // 2] < 0.2


def test_a_name_that_was_just_replaced_is_read_at_once(moosefs: MooseFS) -> None:
    told = facts.what_was_just_replaced_is_read(moosefs)
    print(f"FIGURE moosefs: opens right after a replacement by another host: {told}")


def test_ifs_check_finds_it_sound(nodes: list[Node]) -> None:
    for line in facts.the_file_system_is_found_sound(nodes):
        print(f"FIGURE moosefs: ifs check: {line}")


@pytest.mark.timeout(400)
def test_a_holder_that_is_cut_off_does_no_harm(moosefs: MooseFS, nodes: list[Node]) -> None:
    """The least time after which a lost session's locks are given up is a minute, and it takes two."""
    told = facts.a_cut_off_holder_does_no_harm(moosefs, nodes, within=180)
    print(f"FIGURE moosefs: holder cut off: {told}")
    assert told["fenced"]["answer"] == "ENOENT"
    assert told["takeover"] < 150
