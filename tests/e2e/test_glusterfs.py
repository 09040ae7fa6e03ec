"""`isi_net` on GlusterFS, replica 3, its caches as they come and its timeouts as isi_net-cluster(7) says."""

from collections.abc import Iterator

import pytest
import shared_fs_facts as facts
from shared_fs import Gluster, Node

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def gluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gluster]:
    """Three hosts with the volume."""
    yield from facts.running(Gluster, tmp_path_factory.mktemp("gluster"))


@pytest.fixture(scope="module")
def nodes(gluster: Gluster) -> list[Node]:
    return facts.started(gluster)


def test_one_node_holds_the_role_and_all_reports_merge(nodes: list[Node]) -> None:
    facts.reports_merge_by_one_holder(nodes)


def test_two_administrators_lose_no_change(gluster: Gluster, nodes: list[Node]) -> None:
    lost, counted = facts.administrators_lose_no_change(gluster, nodes)
    print(f"FIGURE glusterfs: two administrators: 24 changes kept, {lost} made again; a reader: {counted}")


def test_the_next_holder_is_in_within_milliseconds_of_sigkill(nodes: list[Node]) -> None:
    """Far less than the poll interval, a second: it waits in the kernel, for another host's lock."""
    took = facts.handover_after_sigkill(nodes)
    print(f"FIGURE glusterfs: next holder after SIGKILL: {facts.milliseconds(took)}")
    assert sorted(took)[len(took) // 2] < 0.2


def test_a_name_that_was_just_replaced_costs_time_and_no_wrong_answer(gluster: Gluster) -> None:
    """With caches as they come, opens give ESTALE or what was there before; else this would show nothing."""
    told = facts.what_was_just_replaced_is_read(gluster)
    print(f"FIGURE glusterfs: opens right after a replacement by another host: {told}")
    assert told["told"].get("ESTALE", 0) > 0
    assert told["slowest"] < 1.5


def test_ifs_check_finds_it_sound(nodes: list[Node]) -> None:
    for line in facts.the_file_system_is_found_sound(nodes):
        print(f"FIGURE glusterfs: ifs check: {line}")


def test_a_holder_that_is_cut_off_does_no_harm(gluster: Gluster, nodes: list[Node]) -> None:
    told = facts.a_cut_off_holder_does_no_harm(gluster, nodes, within=30)
    print(f"FIGURE glusterfs: holder cut off: {told}")
    assert told["fenced"]["answer"] == "ENOENT"
    assert told["takeover"] < 15
