"""What a configuration must be, whoever made it: a command, an import, a merger, an editor.

Each rule is one generator below; `check` asks them all.  A finding names the place, and where two things
clash it names the other owner.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from isi_net.model.addresses import why_no_destination, why_nobodys, why_not_a_host
from isi_net.model.finding import Finding
from isi_net.model.names import MAX_LNN, PoolId, SubnetId
from isi_net.model.network import (
    MAX_DESCRIPTION,
    MAX_MTU,
    MAX_PRIORITY,
    MIN_MTU,
    MIN_PRIORITY,
    Configuration,
    Groupnet,
    Place,
    Pool,
    Range,
    Subnet,
)
from isi_net.model.rules import AZURE, AZURE_SUBNET, why_unfit

MAX_DNS_SERVERS, MAX_DNS_SEARCH = 3, 6


def check(configuration: Configuration) -> tuple[Finding, ...]:
    """Everything that is wrong with `configuration`, sorted; empty when it may be published."""
    groupnets = chain.from_iterable(_groupnet(one) for one in configuration.groupnets)
    subnets = chain.from_iterable(_subnet(*one) for one in configuration.subnets())
    pools = chain.from_iterable(
        _pool(PoolId(*subnet_id, pool.name), pool, subnet)
        for subnet_id, subnet in configuration.subnets()
        for pool in subnet.pools
    )
    whole = chain(_names(configuration), _overlapping_subnets(configuration), _oversubscribed(configuration))
    placed = chain(_given_twice(configuration), _assignments(configuration), _on_azure(configuration))
    return tuple(sorted(set(chain(groupnets, subnets, pools, whole, placed))))


def newly(
    rule: Callable[[Configuration], Iterable[Finding]], before: Configuration, after: Configuration
) -> tuple[Finding, ...]:
    """What `rule` finds in `after` and did not find in `before`: a change answers for what it brings."""
    known = set(rule(before))
    return tuple(one for one in rule(after) if one not in known)


def _wrong(place: object, code: str, message: str, action: str = "") -> Finding:
    return Finding(str(place), code, "error", message, action)


def _groupnet(groupnet: Groupnet) -> Iterator[Finding]:
    if len(groupnet.dns_servers) > MAX_DNS_SERVERS:
        count = len(groupnet.dns_servers)
        yield _wrong(groupnet.name, "too_many", f"has {count} DNS servers", f"{MAX_DNS_SERVERS} are the most")
    if len(groupnet.dns_search) > MAX_DNS_SEARCH:
        count = len(groupnet.dns_search)
        yield _wrong(
            groupnet.name, "too_many", f"has {count} search domains", f"{MAX_DNS_SEARCH} are the most"
        )
    yield from _description(groupnet.name, groupnet.description)


def _subnet(subnet_id: SubnetId, subnet: Subnet) -> Iterator[Finding]:
    width = 32 if subnet.addr_family == "ipv4" else 128
    if not 1 <= subnet.prefixlen <= width:
        what = f"/{subnet.prefixlen} is no prefix length of {subnet.addr_family}"
        yield _wrong(subnet_id, "prefixlen", what, f"use 1 to {width}")
        return
    version = 4 if subnet.addr_family == "ipv4" else 6
    ranges = (*subnet.sc_service_addrs, *(one for pool in subnet.pools for one in pool.manual_ranges))
    given = (one.address for pool in subnet.pools for one in pool.addresses)
    told = (subnet.base_addr, subnet.gateway, *(end for one in ranges for end in (one.low, one.high)), *given)
    strangers = [one for one in told if one is not None and one.version != version]
    if strangers:
        yield _wrong(subnet_id, "family", f"is {subnet.addr_family}, but {strangers[0]} is not")
        return
    network = subnet.network
    if (
        network is not None
        and subnet.gateway is not None
        and (why := why_not_a_host(subnet.gateway, network))
    ):
        yield _wrong(subnet_id, "gateway", f"its gateway {subnet.gateway} is {why}")
    if subnet.gateway is not None and (why := why_nobodys(subnet.gateway)):
        yield _wrong(subnet_id, "gateway", f"its gateway {subnet.gateway} is {why}")
    if not MIN_MTU <= subnet.mtu <= MAX_MTU:
        yield _wrong(subnet_id, "mtu", f"its MTU is {subnet.mtu}", f"use {MIN_MTU} to {MAX_MTU}")
    if not MIN_PRIORITY <= subnet.gateway_priority <= MAX_PRIORITY:
        what = f"its gateway priority is {subnet.gateway_priority}"
        yield _wrong(subnet_id, "gateway_priority", what, f"use {MIN_PRIORITY} to {MAX_PRIORITY}")
    if subnet.vlan_enabled and subnet.vlan_id is None:
        yield _wrong(subnet_id, "vlan", "has VLANs enabled without a VLAN id", "set --vlan-id")
    for one in subnet.sc_service_addrs:
        yield from _range(subnet_id, "SmartConnect service range", one, subnet)
    yield from _description(subnet_id, subnet.description)


def _pool(pool_id: PoolId, pool: Pool, subnet: Subnet) -> Iterator[Finding]:
    for one in pool.manual_ranges:
        yield from _range(pool_id, "range", one, subnet)
    for position, one in enumerate(pool.manual_ranges):
        for other in pool.manual_ranges[:position]:
            if one.holds(other.low) or other.holds(one.low):
                yield _wrong(pool_id, "range_twice", f"its ranges {other} and {one} overlap")
    for iface in pool.manual_ifaces:
        if not 1 <= iface.lnn <= MAX_LNN:
            yield _wrong(pool_id, "lnn", f"{iface} names no node", f"an LNN is 1 to {MAX_LNN}")
    for given in pool.addresses:
        if not any(one.holds(given.address) for one in pool.manual_ranges):
            what = f"{given}, which is in none of its ranges"
            yield _wrong(pool_id, "range", what, "give it one of them, or none: it gets a free one")
    yield from _static_routes(pool_id, pool)
    if pool.externally_managed and (unfit := why_unfit(pool_id.subnet_id, subnet, pool)):
        yield _wrong(pool_id, "pool_unfit", f"is externally managed, but {unfit[0]}", unfit[1])
    if not pool.externally_managed and (pool.assignments or pool.external_manager):
        yield _wrong(
            pool_id, "not_managed", f"is {pool.alloc_method}, but carries leased addresses or a manager"
        )
    yield from _description(pool_id, pool.description)


def _static_routes(pool_id: PoolId, pool: Pool) -> Iterator[Finding]:
    for route in pool.static_routes:
        if route.subnet.version != route.gateway.version:
            yield _wrong(pool_id, "static_route", f"its static route {route} mixes IPv4 and IPv6")
        elif why := why_no_destination(route.subnet, route.prefixlen):
            what = f"its static route {route}: {why}"
            yield _wrong(pool_id, "static_route", what, "give the network's own address")


def _range(place: object, what: str, one: Range, subnet: Subnet) -> Iterator[Finding]:
    """A range lies in its subnet, the right way round, and holds no address that is nobody's to give."""
    if one.low.version != one.high.version or int(one.low) > int(one.high):
        yield _wrong(
            place, "range", f"its {what} {one} is the wrong way round", f"write {one.high}-{one.low}"
        )
        return
    network = subnet.network
    if network is None:
        return
    for end in (one.low, one.high):
        if why := why_not_a_host(end, network):
            yield _wrong(place, "range", f"its {what} {one}: {end} is {why}")
            return
    if subnet.gateway is not None and one.holds(subnet.gateway):
        yield _wrong(place, "range", f"its {what} {one} holds the gateway {subnet.gateway}")


def _description(place: object, text: str) -> Iterator[Finding]:
    if len(text) > MAX_DESCRIPTION:
        yield _wrong(
            place,
            "description",
            f"its description has {len(text)} characters",
            f"{MAX_DESCRIPTION} are the most",
        )


def _names(configuration: Configuration) -> Iterator[Finding]:
    """No two of a kind have the same name, and no two the same number, which files are named after."""
    yield from _twice("groupnet", "", configuration.groupnets, configuration.next_number)
    for groupnet in configuration.groupnets:
        yield from _twice("subnet", f"{groupnet.name}.", groupnet.subnets, groupnet.next_number)
        for subnet in groupnet.subnets:
            yield from _twice("pool", f"{groupnet.name}.{subnet.name}.", subnet.pools, subnet.next_number)


def _twice(
    kind: str, above: str, parts: Iterable[Groupnet | Subnet | Pool], next_number: int
) -> Iterator[Finding]:
    names: set[str] = set()
    numbers: set[int] = set()
    for part in parts:
        if part.name in names:
            yield _wrong(f"{above}{part.name}", "name_twice", f"there are two {kind}s of this name")
        if part.number in numbers or part.number >= next_number:
            yield _wrong(f"{above}{part.name}", "number_twice", f"its number {part.number} is not its own")
        names.add(part.name)
        numbers.add(part.number)


def _overlapping_subnets(configuration: Configuration) -> Iterator[Finding]:
    """Within a groupnet no two subnets share an address: a leased one must belong to one of them."""
    for groupnet in configuration.groupnets:
        known = sorted(
            (
                network.version,
                int(network.network_address),
                int(network.broadcast_address),
                subnet.number,
                subnet.name,
            )
            for subnet in groupnet.subnets
            if 1 <= subnet.prefixlen <= (32 if subnet.addr_family == "ipv4" else 128)
            and (network := subnet.network) is not None
        )
        widest = known[:1]
        for one in known[1:]:
            other = widest[0]
            if one[0] == other[0] and one[1] <= other[2]:
                older, newer = sorted((one, other), key=lambda clashing: clashing[3])
                what = f"overlaps {groupnet.name}.{older[4]}"
                yield _wrong(f"{groupnet.name}.{newer[4]}", "subnets_overlap", what)
            if one[0] != other[0] or one[2] > other[2]:
                widest = [one]


def _oversubscribed(configuration: Configuration) -> Iterator[Finding]:
    """No address belongs to two: not to two pools, and not to a pool and a SmartConnect service.

    Of two that clash the later one in the configuration, as a rule the newer, is at fault.
    """
    services = (
        (one, str(subnet_id), f"the SmartConnect service range {one} of {subnet_id}")
        for subnet_id, subnet in configuration.subnets()
        for one in subnet.sc_service_addrs
    )
    ranges = (
        (one, str(pool_id), f"the range {one} of {pool_id}")
        for pool_id, pool in configuration.pools()
        for one in pool.ranges
    )
    owned = sorted(
        ((one, place, name, age) for age, (one, place, name) in enumerate(chain(services, ranges))),
        key=lambda one: one[0].order(),
    )
    widest = owned[:1]
    for one in owned[1:]:
        # What was seen before with the highest end is what this one runs into, if it runs into anything.
        other = widest[0]
        if other[0].holds(one[0].low) and other[1] != one[1]:
            older, newer = sorted((one, other), key=lambda clashing: clashing[3])
            yield _wrong(newer[1], "oversubscribed", f"its range {newer[0]} runs into {older[2]}")
        if other[0].low.version != one[0].low.version or int(one[0].high) > int(other[0].high):
            widest = [one]


def _on_azure(configuration: Configuration) -> Iterator[Finding]:
    """Where Azure manages a pool, all pools are in one subnet."""
    if any(pool.external_manager == AZURE for _, pool in configuration.pools()):
        for pool_id, _ in configuration.pools():
            if pool_id.subnet_id != AZURE_SUBNET:
                what = f"on Azure all pools are in {AZURE_SUBNET}"
                yield _wrong(
                    pool_id, "azure_subnet", what, f"make it there: {PoolId(*AZURE_SUBNET, pool_id.pool)}"
                )


def _given_twice(configuration: Configuration) -> Iterator[Finding]:
    """An address that an interface was given by hand is its own: nobody else was given it, or leased it."""
    holders: dict[object, tuple[PoolId, str]] = {
        one.address: (pool_id, f"leased to node {one.devid} {one.interface}")
        for pool_id, pool in configuration.pools()
        for one in pool.assignments
    }
    for pool_id, pool in configuration.pools():
        for given in pool.addresses:
            if given.address in holders:
                other, whose = holders[given.address]
                what = f"{given}, which is {whose} in {other}"
                yield _wrong(pool_id, "address_twice", what, "give each interface an address of its own")
            else:
                holders[given.address] = pool_id, f"given to {given.iface}"


def _assignments(configuration: Configuration) -> Iterator[Finding]:
    """A leased address has one holder, an interface one address, and each a node of the configuration's."""
    addresses: dict[object, PoolId] = {}
    places: dict[Place, PoolId] = {}
    nodes = {node.devid for node in configuration.nodes}
    for subnet_id, subnet in configuration.subnets():
        for pool in subnet.pools:
            pool_id = PoolId(*subnet_id, pool.name)
            for one in pool.assignments:
                if one.address in addresses:
                    yield _wrong(
                        pool_id, "address_twice", f"{one.address} is also in {addresses[one.address]}"
                    )
                if one.place in places:
                    yield _wrong(
                        pool_id, "place_twice", f"node {one.devid} {one.interface} has several addresses"
                    )
                if one.devid not in nodes:
                    yield _wrong(
                        pool_id, "node_unknown", f"{one.address} is held by devid {one.devid}, no known node"
                    )
                if one.address == subnet.gateway:
                    yield _wrong(
                        subnet_id, "gateway", f"its gateway {one.address} is leased to node {one.devid}"
                    )
                network = subnet.network
                if (network is not None and one.address not in network) or why_nobodys(one.address):
                    yield _wrong(pool_id, "range", f"{one.address} does not lie in {subnet_id}")
                addresses[one.address] = places[one.place] = pool_id
