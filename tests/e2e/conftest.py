"""The clouds that end-to-end tests run in; see `cloud.py` for what one is made of."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cloud import Cloud, lacking
from needs import need


@pytest.fixture(scope="session")
def _able_machine() -> None:
    """Skip where a cloud can not be made, and say why. In CI a thing that is missing is a failure."""
    need(lacking())


@pytest.fixture
def cloud(_able_machine: None, tmp_path: Path) -> Iterator[Cloud]:
    """A cloud without nodes. Its logs are printed at the end: pytest shows them when the test has failed."""
    with Cloud(tmp_path) as cloud:
        try:
            yield cloud
        finally:
            print(cloud.logs())


@pytest.fixture
def leased(cloud: Cloud) -> Cloud:
    """Three nodes with a lease each, and no daemon yet. The devids are not the LNNs: node 3 was replaced."""
    for devid, lnn, address in ((1, 1, "10.20.30.11"), (2, 2, "10.20.30.12"), (4, 3, "10.20.30.13")):
        cloud.add_node(devid, lnn, address).start_dhclient()
    for node in cloud.nodes:
        node.wait_for_lease(f"10.20.30.{10 + node.lnn}")
    return cloud


@pytest.fixture
def cluster(leased: Cloud) -> Cloud:
    """The three nodes with their daemons just started."""
    for node in leased.nodes:
        node.start_daemon()
    return leased
