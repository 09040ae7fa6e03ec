"""The part of Linux that Flexnet's steps touch, as a value that tests can look into between any two of them.

It does what was measured on Linux 6.18 (`tests/e2e/test_flexnet_kernel.py` asks the real one the same): a
primary address takes its secondary ones along unless the NIC promotes them, the last address of a NIC takes
its routes along, and `add` refuses what is there already.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface

from isi_net.model.applying import Plan, plan
from isi_net.model.nics import Applied, AppliedAddress, Link, Present, PresentAddress, PresentRoute
from isi_net.model.steps import (
    AddAddress,
    AddRoute,
    AddRule,
    DeleteAddress,
    DeleteRoute,
    DeleteRule,
    Promote,
    ReplaceRoute,
    Route,
    Rule,
    SetMtu,
    SetUp,
    Step,
)
from isi_net.model.wanted import Wanted

NOTHING = Applied()


class KernelSaysNo(Exception):
    """What the real one answers with an error number."""


@dataclass
class ModelKernel:
    """A machine's network; `marks` as of Linux 5.18."""

    links: dict[str, Link]
    addresses: list[PresentAddress]
    routes: list[PresentRoute]
    rules: set[Rule]
    marks: bool = True

    @classmethod
    def with_nics(
        cls, *nics: str, up: bool = True, promotes: bool = False, marks: bool = True
    ) -> "ModelKernel":
        links = {nic: Link(nic, up, 1500, 68, 9000, promotes=promotes) for nic in nics}
        return cls(links, [], [], set(), marks)

    def copy(self) -> "ModelKernel":
        return ModelKernel(
            dict(self.links), list(self.addresses), list(self.routes), set(self.rules), self.marks
        )

    def present(self) -> Present:
        return Present(
            dict(self.links), tuple(self.addresses), tuple(self.routes), frozenset(self.rules), self.marks
        )

    def add_address(self, nic: str, address: IPv4Interface, marked: bool = False) -> None:
        on_nic = [one for one in self.addresses if one.nic == nic]
        if any(one.address == address for one in on_nic):
            raise KernelSaysNo(f"{address} is on {nic}")
        secondary = any(one.address.network == address.network and not one.secondary for one in on_nic)
        self.addresses.append(PresentAddress(nic, address, marked and self.marks, secondary))

    def delete_address(self, nic: str, address: IPv4Interface) -> None:
        gone = next((one for one in self.addresses if one[:2] == (nic, address)), None)
        if gone is None:
            raise KernelSaysNo(f"{address} is not on {nic}")
        self.addresses.remove(gone)
        same = [one for one in self.addresses if one.nic == nic and one.address.network == address.network]
        if not gone.secondary and same:
            if self.links[nic].promotes:
                self.addresses[self.addresses.index(same[0])] = same[0]._replace(secondary=False)
            else:
                self.addresses = [one for one in self.addresses if one not in same]
        if not any(one.nic == nic for one in self.addresses):
            self.routes = [one for one in self.routes if one.route.nic != nic]

    def add_route(self, route: Route, marked: bool = False) -> None:
        if not self.links[route.nic].up:
            raise KernelSaysNo(f"{route.nic} is down")
        if any(one.route.key == route.key for one in self.routes):
            raise KernelSaysNo(f"{route} is there")
        networks = [one.address.network for one in self.addresses if one.nic == route.nic]
        if (
            route.gateway is not None
            and not route.onlink
            and not any(route.gateway in one for one in networks)
        ):
            raise KernelSaysNo(f"{route.gateway} is not on the link of {route.nic}")
        self.routes.append(PresentRoute(route, marked))

    def set_down(self, nic: str) -> None:
        self.links[nic] = replace(self.links[nic], up=False)
        self.routes = [one for one in self.routes if one.route.nic != nic]

    def take(self, step: Step) -> None:
        match step:
            case SetUp(nic):
                self.links[nic] = replace(self.links[nic], up=True)
            case SetMtu(nic, mtu):
                if not self.links[nic].least_mtu <= mtu <= self.links[nic].most_mtu:
                    raise KernelSaysNo(f"{mtu} is no MTU of {nic}")
                self.links[nic] = replace(self.links[nic], mtu=mtu)
            case Promote(nic):
                self.links[nic] = replace(self.links[nic], promotes=True)
            case AddAddress(nic, address):
                self.add_address(nic, address, marked=True)
            case DeleteAddress(nic, address):
                self.delete_address(nic, address)
            case AddRoute(_, route):
                self.add_route(route, marked=True)
            case ReplaceRoute(_, route):
                # The kernel replaces the first one of this key, whoever made it.
                there = next(one for one in self.routes if one.route.key == route.key)
                assert there.marked, f"{route} would replace somebody else's"
                self.routes.remove(there)
                self.add_route(route, marked=True)
            case DeleteRoute(_, route):
                self.routes.remove(PresentRoute(route, True))
            case AddRule(_, rule):
                assert rule not in self.rules
                self.rules.add(rule)
            case DeleteRule(_, rule):
                self.rules.remove(rule)

    def foreign(self) -> tuple[frozenset[object], frozenset[object]]:
        """All addresses and routes that carry no mark."""
        return (
            frozenset(one[:2] for one in self.addresses if not one.marked),
            frozenset(one.route for one in self.routes if not one.marked),
        )


def written_ahead(wanted: Wanted, before: Applied, made: Plan) -> Applied:
    """What the daemon has written down before the first step."""
    adding = {step[:2] for step in made.steps if isinstance(step, AddAddress)}
    return written(wanted, before, (made.ours or frozenset()) | adding)


def written(wanted: Wanted, before: Applied, ours: Iterable[tuple[str, IPv4Interface]]) -> Applied:
    """What the daemon writes down when `ours` are its addresses."""
    known = {one[:2]: one for one in before.addresses}
    wants = {(one.nic, one.address) for one in wanted.addresses}
    addresses = [
        AppliedAddress(*key, wanted.revision, 0, wanted.lnn)
        if key in wants
        else known.get(key, AppliedAddress(*key, 0, 0))
        for key in ours
    ]
    return Applied(wanted.revision, 0, tuple(addresses))


def applied(kernel: ModelKernel, wanted: Wanted, before: Applied = NOTHING) -> Applied:
    """Applies all of `wanted` to `kernel`; gives back what is written down then."""
    made = plan(wanted, kernel.present(), before)
    for step in made.steps:
        kernel.take(step)
    after = written_ahead(wanted, before, made)
    ours = plan(wanted, kernel.present(), after).ours
    return written(wanted, after, ours or ())
