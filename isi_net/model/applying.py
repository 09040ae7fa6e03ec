"""The steps from what one node's NICs have to what they should have.

Pure: `plan` compares what is wanted (`wanted.py`) with what is there (`nics.py`), and gives back the steps
(`steps.py`) in their order.  Additions come before removals, routes after their addresses, so that a node
that gets another address is never without one.

What is ours is known by its protocol number (PROTOCOL), which ip(8) shows for routes and rules, and from
Linux 5.18 on the kernel keeps for addresses too; where it does not, what was written down tells.  Nothing
else is ever changed: it is reported.  What a node has is taken away only when a revision that is newer
than the one it was applied by gives it no more.

What the kernel does, measured on Linux 6.18: the first address of a network on a NIC is primary, the
later ones are secondary and go when it goes, unless promote_secondaries is on; routes of a NIC go with its
last address, and when it is set down; `ip route add` refuses a second route of the same destination and
metric, whoever made the first.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from types import MappingProxyType

from isi_net.model.finding import Finding
from isi_net.model.nics import AddressKey, Applied, Present, PresentAddress, PresentRoute
from isi_net.model.steps import (
    DEFAULT,
    MAIN,
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
from isi_net.model.wanted import Wanted, WantedAddress


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in their order, what a person should know, and which of the addresses to be added the
    network has to be asked about first.

    `ours` are the addresses that are there and ours; None where nothing was compared.
    """

    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()
    to_probe: tuple[WantedAddress, ...] = ()
    ours: frozenset[AddressKey] | None = None


def plan(
    wanted: Wanted,
    present: Present,
    applied: Applied,
    waiting: Iterable[IPv4Address] = (),
    refused: Mapping[IPv4Address, str] = MappingProxyType({}),
    state_file: str = "the file of what was applied",
) -> Plan:
    """How a machine that has `present` comes to what is `wanted`; `applied` is what was written down, in
    `state_file`.

    Addresses in `waiting` are being asked for on the network: meanwhile their NICs get and lose none.
    Those in `refused` somebody else there uses, whose MAC is given: they are not added.
    An older revision than the one that was applied, or none at all, changes nothing, and neither does one
    of before the upgrade.
    """
    if not wanted.revision or not wanted.committed:
        return Plan()
    if wanted.revision < applied.revision:
        what = f"revision {wanted.revision} is older than the applied one, {applied.revision}"
        todo = f"is this the right shared file system?  If it is, remove {state_file}"
        return Plan(findings=(Finding("configuration", "revision_older", "warning", what, todo),))
    return _Comparison(wanted, present, applied, frozenset(waiting), refused).plan()


def our_addresses(wanted: Wanted, present: Present, applied: Applied) -> frozenset[AddressKey]:
    """The addresses that are there and ours, whichever revision put them there."""
    owned = {(one.nic, one.address) for one in applied.addresses}
    managed = wanted.nics | {nic for nic, _ in owned}
    return frozenset(
        one[:2]
        for one in present.addresses
        if one.nic in managed and (one.marked or (not present.marks and one[:2] in owned))
    )


class _Comparison:
    """One comparison: each part is given what others found; only findings, and what to probe, gather."""

    def __init__(
        self,
        wanted: Wanted,
        present: Present,
        applied: Applied,
        waiting: frozenset[IPv4Address],
        refused: Mapping[IPv4Address, str],
    ) -> None:
        self.wanted, self.present = wanted, present
        self.waiting, self.refused = waiting, refused
        self.findings = list(wanted.findings)
        self.owned = {(one.nic, one.address): one for one in applied.addresses}
        self.managed = wanted.nics | {one.nic for one in applied.addresses}
        self.ours = our_addresses(wanted, present, applied)
        self.to_probe: list[WantedAddress] = []
        # A NIC that waits for an address gives none away, nor what follows it; and it gets no other one
        # meanwhile, so that the first of the configuration becomes its primary one.
        self.resting = {one.nic for one in wanted.addresses if one.address.ip in waiting}

    def plan(self) -> Plan:
        standing = self._standing()
        adding = [one for one in standing if not self._is_there(one)]
        links = list(self._links(adding))
        removing, kept = self._removing(standing)
        up = {link.nic for link in self.present.links.values() if link.up}
        up |= {step.nic for step in links if isinstance(step, SetUp)}
        reachable = [one for one in standing if one.nic in up]
        routes = self._wanted_routes(reachable)
        new_routes, old_routes = self._routes(routes, kept)
        self._report_foreign_defaults(routes)
        new_rules, old_rules = self._rules(reachable, kept)
        for one in self.wanted.addresses:
            if one in standing and one.nic not in up:
                what, todo = "is set down: it serves nobody", f"ip link set dev {one.nic} up"
                self.findings.append(Finding(f"NIC {one.nic}", "link_down", "warning", what, todo))
        steps: list[Step] = [
            *links,
            *(AddAddress(one.nic, one.address) for one in adding),
            *new_routes,
            *new_rules,
            *old_rules,
            *old_routes,
            *self._promotions(removing),
            *(DeleteAddress(one.nic, one.address) for one in removing),
        ]
        return Plan(tuple(steps), tuple(dict.fromkeys(self.findings)), tuple(self.to_probe), self.ours)

    # Whose an address is.

    def _is_there(self, one: WantedAddress) -> bool:
        """Whether the NIC has the address: as we put it, or as somebody else did, of whatever prefix."""
        return any(
            other.address.ip == one.address.ip
            and other.nic == one.nic
            and (other.address == one.address or other[:2] not in self.ours)
            for other in self.present.addresses
        )

    def _standing(self) -> list[WantedAddress]:
        """The wanted addresses that are there or can be added now."""
        found = []
        for one in self.wanted.addresses:
            place = f"NIC {one.nic}"
            holders = [other for other in self.present.addresses if other.address.ip == one.address.ip]
            foreign = [other for other in holders if other[:2] not in self.ours]
            here = [other for other in foreign if other.nic == one.nic]
            if one.nic not in self.present.links:
                what = f"is not there; {one.address.ip} of {one.pool} belongs on it"
                todo = f"correct {one.interface} in [interfaces] of isi_net.toml"
                self.findings.append(Finding(place, "nic_missing", "error", what, todo))
                continue
            is_here = any(other.nic == one.nic for other in holders)
            if one.address.ip in self.refused and (is_here or not holders):
                self.findings.append(_duplicate(one, self.refused[one.address.ip], is_here))
                if not is_here:
                    continue
            elif here and not any(other[:2] in self.ours and other.nic == one.nic for other in holders):
                what = f"{one.address.ip} was put there by somebody else; it serves, and is left alone"
                self.findings.append(Finding(place, "foreign_address", "info", what, ""))
            elif foreign and not here:
                what = f"{one.address.ip} belongs here, but somebody else put it on {foreign[0].nic}"
                todo = f"ip address delete {foreign[0].address} dev {foreign[0].nic}"
                self.findings.append(Finding(place, "foreign_address", "warning", what, todo))
                continue
            if not holders:
                if one.probed:
                    self.to_probe.append(one)
                if one.nic in self.resting:
                    continue
            found.append(one)
        return found

    def _removing(self, standing: list[WantedAddress]) -> tuple[list[PresentAddress], set[AddressKey]]:
        """Our addresses that are not to stay, secondary ones first; and those that are kept though nothing
        wants them there, with their routes and rules.
        """
        stand = {(one.nic, one.address) for one in standing}
        moved = {one.address.ip for one in standing}
        found = []
        kept: set[AddressKey] = set()
        for one in self.present.addresses:
            if one[:2] not in self.ours:
                self._report_foreign(one)
            elif one[:2] in stand:
                continue
            elif one.address.ip in moved:
                found.append(one)  # to another NIC, or prefix
            elif self.wanted.spares(one.address.ip):
                kept.add(one[:2])
            elif (finding := self._of_our_former_lnn(one)) is not None:
                kept.add(one[:2])
                self.findings.append(finding)
            elif one[:2] in self.owned and self.wanted.revision <= self.owned[one[:2]].revision:
                kept.add(one[:2])
                what = f"{one.address.ip} stays until a newer revision gives it to nobody here"
                self.findings.append(Finding(f"NIC {one.nic}", "address_kept", "info", what, ""))
            else:
                found.append(one)
        removing = [one for one in found if one.nic not in self.resting]
        return sorted(removing, key=lambda one: not one.secondary), kept

    def _of_our_former_lnn(self, one: PresentAddress) -> Finding | None:
        """Why an address stays that is given by hand to the LNN that this node had when it was put there."""
        was = self.owned.get(one[:2])
        given = self.wanted.of_other_lnns.get(one.address.ip)
        if was is None or given is None or given[1].lnn != was.lnn:
            return None
        pool_id, iface = given
        what = (
            f"{one.address.ip} stays, which {pool_id} gives to {iface}: this node's LNN is {self.wanted.lnn} "
        )
        what += f"now, and was {was.lnn}"
        todo = "correct lnn in isi_net.toml; if it is right, give the pool this node's interface instead: "
        mine = iface._replace(lnn=self.wanted.lnn)
        todo += f"isi_net pools modify {pool_id} --remove-ifaces {iface} --add-ifaces {mine}"
        return Finding(f"NIC {one.nic}", "address_kept", "warning", what, todo)

    def _report_foreign(self, one: PresentAddress) -> None:
        if one.nic in self.wanted.nics and not self.wanted.spares(one.address.ip):
            what = f"{one.address} is not of the configuration: somebody else put it there"
            self.findings.append(Finding(f"NIC {one.nic}", "foreign_address", "info", what, ""))

    # Everything that goes with the addresses.

    def _links(self, adding: list[WantedAddress]) -> Iterator[Step]:
        """Sets up NICs that get an address.  One that was set down later stays down: somebody did that."""
        waiting = [one for one in self.wanted.addresses if one.address.ip in self.waiting]
        for nic in sorted({one.nic for one in (*adding, *waiting)} & self.present.links.keys()):
            if not self.present.links[nic].up:
                yield SetUp(nic)
        for nic, mtu in sorted(self.wanted.mtus.items()):
            link = self.present.links.get(nic)
            if link is None or link.mtu == mtu:
                continue
            if (link.least_mtu and mtu < link.least_mtu) or (link.most_mtu and mtu > link.most_mtu):
                what = f"its MTU stays {link.mtu}: it can have {link.least_mtu} to {link.most_mtu}, not {mtu}"
                todo = "give the subnet another: isi_net subnets modify ID --mtu"
                self.findings.append(Finding(f"NIC {nic}", "mtu_refused", "warning", what, todo))
            else:
                yield SetMtu(nic, mtu)

    def _promotions(self, removing: list[PresentAddress]) -> Iterator[Promote]:
        """Where an address that stays would go with the primary one of its network."""
        gone = {one[:2] for one in removing}
        for nic in sorted({one.nic for one in removing if not one.secondary}):
            networks = {one.address.network for one in removing if one.nic == nic and not one.secondary}
            staying = [one for one in self.present.addresses if one.nic == nic and one[:2] not in gone]
            new = [one.address for one in self.wanted.addresses if one.nic == nic]
            beside = {one.address.network for one in staying} | {one.network for one in new}
            link = self.present.links.get(nic)
            if networks & beside and link is not None and not link.promotes:
                yield Promote(nic)

    def _routes_of(self, one: WantedAddress) -> Iterator[Route]:
        """Its routes; a gateway outside of the prefix is on the link all the same (Google Cloud)."""
        address = one.address
        if self._is_there(one) and (one.nic, address) not in {other[:2] for other in self.present.addresses}:
            # Somebody else put it there, with a prefix of his own.
            foreign = (
                other.address
                for other in self.present.addresses
                if (other.nic, other.address.ip) == (one.nic, address.ip) and other[:2] not in self.ours
            )
            address = min(foreign, key=lambda other: other.network.prefixlen)
        for route in one.routes:
            yield route._replace(onlink=route.gateway is not None and route.gateway not in address.network)

    def _wanted_routes(self, standing: list[WantedAddress]) -> list[Route]:
        # Of two addresses that share a route, one may have its gateway inside of its prefix, and one not.
        by_key: dict[tuple[int, IPv4Network, int], Route] = {}
        for route in (route for one in standing for route in self._routes_of(one)):
            if by_key.setdefault(route.key, route).onlink:
                by_key[route.key] = route
        return list(by_key.values())

    def _is_our_route(self, one: PresentRoute) -> bool:
        return one.marked and one.route.nic in self.managed

    def _routes(
        self, should: list[Route], kept: set[AddressKey]
    ) -> tuple[list[AddRoute | ReplaceRoute], list[DeleteRoute]]:
        mine: dict[tuple[int, IPv4Network, int], list[Route]] = {}
        foreign: dict[tuple[int, IPv4Network, int], list[Route]] = {}
        for one in self.present.routes:
            kind = mine if self._is_our_route(one) else foreign
            kind.setdefault(one.route.key, []).append(one.route)
        new: list[AddRoute | ReplaceRoute] = []
        for route in sorted(should, key=lambda one: one.gateway is not None):
            if route in mine.get(route.key, ()):
                continue
            if others := foreign.get(route.key):
                if all((one.gateway, one.nic) != (route.gateway, route.nic) for one in others):
                    self.findings.append(_foreign_route(route, others[0]))
            elif route.key in mine:
                new.append(ReplaceRoute(route.nic, route))
            else:
                new.append(AddRoute(route.nic, route))
        replaced = {step.route.key for step in new if isinstance(step, ReplaceRoute)}
        old = [
            DeleteRoute(route.nic, route)
            for key, routes in mine.items()
            for route in routes
            if route not in should and key not in replaced and not self._stays(route, kept)
        ]
        return new, old

    def _report_foreign_defaults(self, should: list[Route]) -> None:
        """Default routes beside ours on our NICs; one that is in the way of ours is reported with that."""
        keys = {route.key for route in should}
        for one in self.present.routes:
            route = one.route
            if self._is_our_route(one) or route.destination != DEFAULT or route.key in keys:
                continue
            if route.nic in self.wanted.nics:
                what = f"a default route via {route.gateway or 'its link'}, metric {route.metric}, "
                what += "was put there by somebody else"
                self.findings.append(Finding(f"NIC {route.nic}", "foreign_route", "info", what, ""))

    def _rules(
        self, standing: list[WantedAddress], kept: set[AddressKey]
    ) -> tuple[list[AddRule], list[DeleteRule]]:
        should = {one.rule: one.nic for one in standing if one.rule is not None}
        sources = {address.ip for _, address in kept}
        nics = {one.address.ip: one.nic for one in self.present.addresses if one.nic in self.managed}
        nics |= {address.ip: nic for nic, address in self.owned}
        nics |= {one.address.ip: one.nic for one in self.wanted.addresses}
        new = [AddRule(nic, rule) for rule, nic in should.items() if rule not in self.present.rules]
        old = [
            DeleteRule(nics[rule.source], rule)
            for rule in sorted(self.present.rules)
            if rule not in should
            and rule.source in nics
            and nics[rule.source] not in self.resting
            and rule.source not in sources
        ]
        return new, old

    def _stays(self, route: Route, kept: set[AddressKey]) -> bool:
        """Whether a route that nothing wants serves an address that waits for another, or is kept."""
        if route.nic in self.resting:
            return True
        beside = [address for nic, address in kept if nic == route.nic]
        if route.table != MAIN:
            return any(route.table == Rule(address.ip).table for address in beside)
        return any(
            route.gateway is None or route.onlink or route.gateway in address.network for address in beside
        )


def _duplicate(one: WantedAddress, mac: str, is_here: bool) -> Finding:
    how = "was put there by somebody" if is_here else "is not put there"
    what = f"{one.address.ip} {how}: {mac} uses it {'too' if is_here else 'already'}"
    todo = "find that machine, and take the address from it, or have this node leased another"
    return Finding(f"NIC {one.nic}", "address_duplicate", "error", what, todo)


def _foreign_route(route: Route, other: Route) -> Finding:
    where = f"via {other.gateway}" if other.gateway else "on its link"
    what = f"the route to {route.destination} {where} dev {other.nic}, metric {other.metric}, "
    what += f"was put there by somebody else: ours via {route.gateway} is not"
    todo = f"take it away, or give the subnet another gateway priority than {route.metric}"
    return Finding(f"NIC {route.nic}", "foreign_route", "warning", what, todo)
