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

from isi_net.model.applying import Promote, Route

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("_able_machine")]

# Runs in the namespace: does each of the things that it is told, and says what is there then.
DOER = """
import json, sys
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from isi_net.errors import Refused
from isi_net.flexnet.netlink import Kernel
from isi_net.model.applying import *

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
