"""A real DHCP server on the premises: its leases are reported, and count when the administrator says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cloud import Cloud, Node
from patience import eventually

pytestmark = pytest.mark.slow

ADDRESS = "10.20.30.11"
POOL = "groupnet0.subnet0.pool0"


@pytest.fixture
def node(_able_machine: None, tmp_path: Path) -> Iterator[Node]:
    """A node that has a lease of a server that says nothing of any cloud, and its daemon."""
    with Cloud(tmp_path, domain="example.com") as premises:
        node = premises.add_node(1, 1, ADDRESS)
        node.start_dhclient()
        node.wait_for_lease(ADDRESS)
        node.start_daemon()
        try:
            yield node
        finally:
            print(premises.logs())


def managers(node: Node) -> list[str]:
    return [one["manager"] for one in node.ask("reports", "list")]


def test_a_lease_on_the_premises_counts_when_the_administrator_says_so(node: Node) -> None:
    eventually(lambda: managers(node), "the node has reported", is_so=lambda said: said == ["DHCP"])
    assert node.ask("cloud", "view")["manager"] == "DHCP"
    told = "IPMerger: revision 0: leased addresses: 0, externally managed pools: 0, reports: 1"
    eventually(lambda: told in node.service_log.read_text(), "the merger has taken a turn of it")
    assert node.ask("pools", "list") == []
    rules = [one for one in node.ask("merger", "explain", ADDRESS) if one["step"] == "rule"]
    assert [one["where"] for one in rules] == ["not_in_a_cloud"]
    assert "isi_net settings modify --on-premises-dhcp=true" in rules[0]["says"]

    assert node.isi_net("settings", "modify", "--on-premises-dhcp=true").returncode == 0
    pool = eventually(
        lambda: next(iter(node.ask("pools", "list")), None), "the address is merged", is_so=lambda one: one
    )
    assert (pool["id"], pool["external_manager"]) == (POOL, "DHCP")
    assert pool["ranges"] == [{"low": ADDRESS, "high": ADDRESS}]
