"""The services' part of the daemon: wishes and the network go in, what is said comes out."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from isi_net import services
from isi_net.daemon.serving import NETWORK_SECONDS, Kept, Serving, hindrance
from isi_net.daemon.watch import WakeUps
from isi_net.errors import FormatError
from isi_net.flexnet.published import Following
from isi_net.formats import flx_config
from isi_net.model.finding import Finding
from isi_net.model.names import GroupnetId, SubnetId
from isi_net.model.network import EXTERNALLY_MANAGED, Configuration, Groupnet, Iface, Node, Pool, Subnet
from isi_net.model.service import Service
from isi_net.model.turn import Turn
from isi_net.settings import Settings
from isi_net.store.tree import Tree

NODE = Node(4, 3, "GLaDOS-3")
EMPTY = Configuration(revision=1).with_groupnet(Groupnet(1, "groupnet0"))
POOL = Pool(number=3, name="pool0", alloc_method=EXTERNALLY_MANAGED, manual_ifaces=(Iface(3, "ext-1"),))
POOLED = (
    Configuration(revision=2)
    .with_groupnet(Groupnet(1, "groupnet0"))
    .with_subnet(GroupnetId("groupnet0"), Subnet(2, "subnet0", "ipv4", 24))
    .with_pool(SubnetId("groupnet0", "subnet0"), POOL)
)


class Stage:
    """The services of a node whose clients are none, with a clock that is moved by hand."""

    def __init__(self, directory: Path) -> None:
        self.tree = Tree(str(directory))
        self.now = 1000.0
        self.wake_ups = WakeUps()
        self.kept = Kept(self.tree, self.wake_ups, lambda _: None, lambda: self.now)
        settings = Settings(NODE, {"ext-1": "lo"}, client="none")
        self.serving = Serving(self.tree, settings, NODE, False, Following(self.tree), lambda: (), self.kept)
        self.parts = self.serving.parts()

    def publish(self, configuration: Configuration) -> None:
        path = Path(self.tree.revision(configuration.revision))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(flx_config.render(configuration))

    def said(self, name: str) -> Service:
        return next(one for one in services.said(self.tree) if one.name == name)

    def close(self) -> None:
        self.serving.close()
        self.wake_ups.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()


def test_not_every_turn_asks_the_shared_file_system_who_is_in_which_pool(stage: Stage) -> None:
    stage.publish(EMPTY)
    reasons = []
    for later in (0.0, NETWORK_SECONDS - 0.1, 0.2):
        stage.now += later
        stage.parts["DHCPClients"]()
        reasons.append(stage.said("dhclient-ext-1").reason)
        stage.publish(POOLED)
    outside = "it is in no externally managed pool"
    assert reasons == [outside, outside, '[dhcp] client is "none"']


@pytest.mark.parametrize("part", ["DHCPClients", "Flexnet"])
def test_what_cannot_be_said_is_done_all_the_same(stage: Stage, part: str) -> None:
    services.wish(stage.tree, "flexnet", True)
    stage.publish(EMPTY)
    os.makedirs(stage.tree.services_said)
    turn = stage.parts[part]()
    assert "services_unwritable" in [one.code for one in turn.findings]
    assert turn.sentence.startswith("revision 1" if part == "Flexnet" else "no client of ours")
    os.rmdir(stage.tree.services_said)
    assert "services_unwritable" not in [one.code for one in stage.parts[part]().findings]
    assert services.said(stage.tree) != ()


def test_what_flexnet_is_is_said_although_its_turn_fails(stage: Stage) -> None:
    services.wish(stage.tree, "flexnet", True)
    stage.publish(EMPTY)
    os.rename(stage.tree.revision(1), stage.tree.revision(2))
    with pytest.raises(FormatError, match="somebody renamed it"):
        stage.parts["Flexnet"]()
    one = stage.said("flexnet")
    assert (one.enabled, one.by_hand, one.state) == (True, True, "waiting")
    assert "somebody renamed it" in one.reason
    os.rename(stage.tree.revision(2), stage.tree.revision(1))
    stage.parts["Flexnet"]()
    assert stage.said("flexnet").state == "running"


def test_what_keeps_flexnet_from_changing_anything_is_its_reason() -> None:
    everywhere = Finding("Flexnet", "no_permission", "error", "it needs CAP_NET_ADMIN", "run it as root")
    somewhere = Finding("NIC ens5", "step_failed", "error", "it failed", "try it by hand")
    assert hindrance(Turn("done", (somewhere, everywhere))) == "it needs CAP_NET_ADMIN; run it as root"
    assert hindrance(Turn("done", (somewhere,))) == ""


def test_what_is_said_stands_until_the_clients_of_other_settings_have_decided(stage: Stage) -> None:
    stage.publish(EMPTY)
    stage.parts["DHCPClients"]()
    before = stage.said("dhclient-ext-1")
    Path(stage.tree.service_wishes).write_text("{")
    stage.kept.wishes = services.FollowedWishes(stage.tree)
    settings = Settings(NODE, {"ext-1": "lo"}, client="none")
    stage.serving = Serving(stage.tree, settings, NODE, False, Following(stage.tree), lambda: (), stage.kept)
    stage.serving.parts()["DHCPClients"]()
    assert stage.said("dhclient-ext-1") == before


def sockets() -> set[str]:
    """The sockets that this process has, each with its number."""
    paths = [f"/proc/self/fd/{one}" for one in os.listdir("/proc/self/fd")]
    links = {os.readlink(path) for path in paths if os.path.lexists(path)}  # that of the listing is gone
    return {one for one in links if one.startswith("socket:")}


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="looks at /proc")
def test_flexnet_is_restarted_once_for_each_time_that_it_was_asked_for(stage: Stage) -> None:
    before = sockets()
    services.wish(stage.tree, "flexnet", True)
    stage.publish(EMPTY)
    held = []
    for restart in (False, False, True, False):
        if restart:
            services.wish_restart(stage.tree, "flexnet")
        stage.parts["Flexnet"]()
        held.append((stage.said("flexnet").starts, frozenset(sockets() - before)))
    (first, ours), again, (second, others), last = held
    assert (first, second) == (1, 2)
    assert again == (first, ours)
    assert last == (second, others)
    assert ours
    assert ours.isdisjoint(others)
    services.wish(stage.tree, "flexnet", False)
    stage.parts["Flexnet"]()
    assert sockets() == before
