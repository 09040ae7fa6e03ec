"""The kernel of the laws (`tests/model_kernel.py`) does what this machine's does."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest
from cloud import Namespace
from model_kernel import KernelSaysNo, ModelKernel

from isi_net.model.steps import MAIN, Promote, Route

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("_able_machine")]

# Runs in the namespace: does each of the things that it is told, and says what is there then.
DOER = """
import json, sys
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from isi_net.errors import Refused
from isi_net.flexnet.netlink import Kernel
from isi_net.model.steps import *

with Kernel() as kernel:
    for line in sys.stdin:
        kernel.present()
        what, nic, *more = json.loads(line)
        if what == "promote":
            step = Promote(nic)
        elif what == "route":
            destination, gateway, metric, onlink = more
            gateway = IPv4Address(gateway)
            step = AddRoute(nic, Route(IPv4Network(destination), gateway, nic, metric, MAIN, onlink))
        else:
            step = {"add": AddAddress, "delete": DeleteAddress}[what](nic, IPv4Interface(more[0]))
        try:
            kernel.take(step)
        except Refused:
            pass
        present = kernel.present()
        print(json.dumps([
            sorted([one.nic, str(one.address), one.secondary] for one in present.addresses),
            sorted(str(one.route) for one in present.routes),
        ]), flush=True)
"""


@pytest.fixture
def machine() -> Iterator[Namespace]:
    with Namespace("isi-model-kernel") as namespace:
        namespace.ip("link", "add", "ens5", "type", "veth", "peer", "name", "peer5")
        for nic in ("ens5", "peer5"):
            namespace.ip("link", "set", nic, "up")
        yield namespace


@pytest.mark.parametrize("seed", range(6))
def test_both_end_in_the_same_state_after_every_step(machine: Namespace, seed: int) -> None:
    dice = random.Random(seed)
    kernel = ModelKernel.with_nics("ens5")
    story = []
    for _ in range(40):
        address = f"10.{dice.randint(0, 1)}.0.{dice.randint(2, 4)}/{dice.choice((24, 24, 24, 25, 32))}"
        story.append(
            dice.choice(
                (
                    ["add", "ens5", address],
                    ["add", "ens5", address],
                    ["delete", "ens5", address],
                    ["delete", "ens5", address],
                    [
                        "route",
                        "ens5",
                        "172.16.0.0/16",
                        f"10.{dice.randint(0, 1)}.0.1",
                        1,
                        dice.random() < 0.3,
                    ],
                )
            )
        )
        if dice.random() < 0.03:
            story.append(["promote", "ens5"])
    done = machine_does(machine, story)
    for what, said in zip(story, done, strict=True):
        model_does(kernel, what)
        addresses = sorted([one.nic, str(one.address), one.secondary] for one in kernel.addresses)
        assert [addresses, sorted(str(one.route) for one in kernel.routes)] == said, what


# Says how long it took to look (the shortest of some times), and which routes count.
LOOKER = """
import json, sys, time
from ipaddress import IPv4Network
from isi_net.flexnet.netlink import Kernel

with Kernel() as kernel:
    kernel.present()
    took = []
    for _ in range(5):
        began = time.perf_counter()
        present = kernel.present(map(IPv4Network, sys.argv[1:]))
        took.append(time.perf_counter() - began)
print(json.dumps([min(took), sorted([str(route), marked] for route, marked in present.routes)]))
"""


def test_of_forty_thousand_routes_those_that_count_are_found_at_once(machine: Namespace) -> None:
    """Decoding them all took 3.5 seconds of the daemon's loop, at every turn in which anything changed."""
    machine.ip("address", "add", "10.0.0.2/24", "dev", "ens5")
    many = [f"100.{high}.{low}.0/24 via 10.0.0.1" for high in range(157) for low in range(256)]
    few = [
        "default via 10.0.0.1 metric 7",
        "default via 10.0.0.1 table 1000",
        "172.16.0.0/16 via 10.0.0.9 metric 3",
        "172.16.0.0/16 nexthop via 10.0.0.1 nexthop via 10.0.0.3",
        "172.16.0.0/17 via 10.0.0.1",
        "172.17.0.0/16 via 10.0.0.1 proto 97",
        "blackhole 172.16.0.0/16 metric 4",
    ]
    told = "".join(f"route add {one}\n" for one in (*many, *few))
    batch = ["ip", "netns", "exec", machine.name, "ip", "-batch", "-"]
    subprocess.run(batch, input=told, text=True, check=True, timeout=60)
    looker = [sys.executable, "-c", LOOKER, "172.16.0.0/16", "100.3.4.0/24"]
    ran = subprocess.run(
        ["ip", "netns", "exec", machine.name, *looker],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    took, routes = json.loads(ran.stdout)
    assert routes == sorted(
        [str(route), marked]
        for route, marked in (
            (of("100.3.4.0/24", 1), False),
            (of("0.0.0.0/0", 1, 7), False),
            (of("0.0.0.0/0", 1, 0, 1000), False),
            (of("172.16.0.0/16", 9, 3), False),
            (of("172.16.0.0/16", 1), False),
            (of("172.16.0.0/16", 3), False),
            (of("172.17.0.0/16", 1), True),
        )
    )
    assert took < 0.7  # 0.07 on an idle machine


def of(destination: str, host: int, metric: int = 0, table: int = MAIN) -> Route:
    return Route(IPv4Network(destination), IPv4Address(f"10.0.0.{host}"), "ens5", metric, table)


def machine_does(machine: Namespace, story: list[list[object]]) -> list[object]:
    told = "".join(f"{json.dumps(one)}\n" for one in story)
    ran = subprocess.run(
        ["ip", "netns", "exec", machine.name, sys.executable, "-c", DOER],
        input=told,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]


def model_does(kernel: ModelKernel, what: list[object]) -> None:
    kind, _, *more = what
    try:
        if kind == "promote":
            kernel.take(Promote("ens5"))
        elif kind == "route":
            destination, gateway, metric, onlink = more
            route = Route(
                IPv4Network(str(destination)),
                IPv4Address(str(gateway)),
                "ens5",
                int(str(metric)),
                onlink=bool(onlink),
            )
            kernel.add_route(route, marked=True)
        elif kind == "add":
            kernel.add_address("ens5", IPv4Interface(str(more[0])), marked=True)
        else:
            kernel.delete_address("ens5", IPv4Interface(str(more[0])))
    except KernelSaysNo:
        return
