"""flx_config.xml: its shape on disk, what is refused and in which words, and what attackers get."""

import re
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from time import perf_counter
from typing import Any

import pytest

from isi_net.errors import FormatError, NewerSchema
from isi_net.formats.flx_config import MAX, parse, render, render_checked, validate
from isi_net.model.names import GroupnetId, SubnetId
from isi_net.model.network import (
    EARLIER,
    Assignment,
    ClusterSettings,
    Configuration,
    Groupnet,
    Iface,
    Node,
    Pool,
    Range,
    StaticRoute,
    Subnet,
)

LEASED = IPv4Address("10.20.30.11")
POOL = Pool(
    number=1,
    name="pool0",
    alloc_method="externally_managed",
    external_manager="AWS",
    aggregation_mode="none",
    manual_ifaces=(Iface(1, "ext-1"),),
    manual_ranges=(Range(IPv4Address("10.20.30.50"), IPv4Address("10.20.30.59")),),
    assignments=(
        Assignment(IPv4Address("10.20.30.11"), 1, "ext-1", IPv4Address("10.20.30.1")),
        Assignment(IPv4Address("10.20.30.12"), 2, "ext-1", None),
    ),
    rules=("rule0",),
)
SUBNET = Subnet(
    number=1,
    name="subnet0",
    addr_family="ipv4",
    prefixlen=24,
    base_addr=IPv4Address("10.20.30.0"),
    gateway=IPv4Address("10.20.30.1"),
    gateway_priority=10,
    pools=(POOL,),
    next_number=2,
)
CONFIGURATION = Configuration(
    revision=12,
    term=3,
    published=1770481580,
    author="isi_net merger on GLaDOS-4(id4)",
    change="10.20.30.11 to 1:ext-1",
    nodes=(Node(1, 1, "GLaDOS-1"),),
    groupnets=(
        Groupnet(1, "groupnet0", dns_servers=(IPv4Address("10.20.0.2"),), subnets=(SUBNET,), next_number=2),
    ),
    next_number=2,
)
GOLDEN = b"""\
<?xml version='1.0' encoding='UTF-8'?>
<flx_config schema="2" revision="12" term="3" published="2026-02-07T16:26:20Z" \
author="isi_net merger on GLaDOS-4(id4)" change="10.20.30.11 to 1:ext-1" next_number="2">
  <settings release="9.7.0.0" on_premises_dhcp="false" sbr="false"/>
  <node devid="1" lnn="1" name="GLaDOS-1"/>
  <groupnet number="1" name="groupnet0" description="" dns_cache_enabled="true" next_number="2">
    <dns_server address="10.20.0.2"/>
    <subnet number="1" name="subnet0" addr_family="ipv4" prefixlen="24" base_addr="10.20.30.0" \
gateway="10.20.30.1" gateway_priority="10" mtu="1500" vlan_enabled="false" description="" \
sc_service_name="" next_number="2">
      <pool number="1" name="pool0" alloc_method="externally_managed" external_manager="AWS" description="" \
access_zone="System" aggregation_mode="none" firewall_policy="default_pools_policy" \
rebalance_policy="auto" sc_connect_policy="round_robin" sc_failover_policy="round_robin" sc_dns_zone="" \
sc_subnet="" sc_ttl="0" nfsv3_rroce_only="false" ipv6_perform_dad="false">
        <iface lnn="1" name="ext-1"/>
        <range low="10.20.30.50" high="10.20.30.59" origin="manual"/>
        <range low="10.20.30.11" high="10.20.30.11" origin="leased" devid="1" interface="ext-1" \
server="10.20.30.1"/>
        <range low="10.20.30.12" high="10.20.30.12" origin="leased" devid="2" interface="ext-1"/>
        <rule name="rule0"/>
      </pool>
    </subnet>
  </groupnet>
</flx_config>
"""


def with_pool(**changes: Any) -> Configuration:
    """CONFIGURATION with another pool0."""
    return CONFIGURATION.with_pool(SubnetId("groupnet0", "subnet0"), replace(POOL, **changes))


def test_the_file_looks_as_promised() -> None:
    assert render(CONFIGURATION) == GOLDEN
    assert parse(GOLDEN) == CONFIGURATION
    validate(GOLDEN)


def test_the_empty_configuration_is_one() -> None:
    assert parse(render(Configuration())) == Configuration()
    validate(render(Configuration()))


def test_ipv6_pools_round_trip() -> None:
    pool = Pool(
        1,
        "six",
        manual_ranges=(Range(IPv6Address("2001:db8::10"), IPv6Address("2001:db8::1f")),),
        static_routes=(StaticRoute(IPv6Address("2001:db8:1::"), 48, IPv6Address("2001:db8::1")),),
    )
    subnet = Subnet(1, "s", "ipv6", 64, gateway=IPv6Address("2001:db8::1"), pools=(pool,))
    configuration = Configuration(groupnets=(Groupnet(1, "g", subnets=(subnet,)),))
    assert parse(render(configuration)) == configuration
    validate(render(configuration))


def test_elements_of_one_parent_may_stand_in_any_order() -> None:
    iface, rule = b'        <iface lnn="1" name="ext-1"/>\n', b'        <rule name="rule0"/>\n'
    shuffled = GOLDEN.replace(iface, b"").replace(rule, rule + iface)
    assert parse(shuffled) == CONFIGURATION
    validate(shuffled)


def test_comments_are_passed_over() -> None:
    assert parse(GOLDEN.replace(b"  <node", b"  <!-- the first -->\n  <node", 1)) == CONFIGURATION


def test_a_missing_attribute_has_the_model_s_default_but_the_schema_wants_it() -> None:
    shorter = GOLDEN.replace(b' sc_ttl="0"', b"")
    assert parse(shorter) == CONFIGURATION
    with pytest.raises(FormatError, match="line 8"):
        validate(shorter)


def test_schema_1_is_an_earlier_release_s_and_is_written_again_until_the_upgrade_is_committed() -> None:
    earlier = replace(CONFIGURATION, settings=EARLIER)
    assert not earlier.settings.committed
    assert parse(BEFORE) == earlier
    assert render(earlier) == BEFORE
    validate(BEFORE)
    assert parse(render(replace(parse(BEFORE), settings=ClusterSettings()))) == CONFIGURATION


def test_the_settings_stand_in_the_file() -> None:
    settings = ClusterSettings("9.10.0.1", on_premises_dhcp=True, sbr=True)
    data = render(replace(CONFIGURATION, settings=settings))
    assert b'<settings release="9.10.0.1" on_premises_dhcp="true" sbr="true"/>' in data
    assert parse(data).settings == settings
    validate(data)


def test_line_ends_and_tabs_in_a_description_survive() -> None:
    configuration = with_pool(description="one\ntwo\tthree\r\n <&\">'")
    assert parse(render(configuration)) == configuration


def test_what_xml_can_not_carry_becomes_a_replacement_character() -> None:
    configuration = with_pool(description="a\0b\x1b[31m\ud800\uffff")
    read = parse(render(configuration))
    assert read.groupnets[0].subnets[0].pools[0].description == "a\ufffdb\ufffd[31m\ufffd\ufffd"
    validate(render(configuration))


SETTINGS = b'  <settings release="9.7.0.0" on_premises_dhcp="false" sbr="false"/>\n'
BEFORE = GOLDEN.replace(SETTINGS, b"").replace(b'schema="2"', b'schema="1"')
WRONG = {
    "an unknown attribute": (b"<iface lnn", b'<iface colour="red" lnn', 9, "has no attribute 'colour'"),
    "an unknown element": (b"<rule name", b"<ruler name", 13, "<ruler> has no place in <pool>"),
    "an element inside a leaf": (b'"rule0"/>', b'"rule0"><rule name="x"/></rule>', 13, "has nothing inside"),
    "no number": (b'revision="12"', b'revision="twelve"', 2, "revision of <flx_config>: 'twelve'"),
    "a number with an underscore": (b'revision="12"', b'revision="1_2"', 2, "'1_2' is not a number"),
    "a number with a sign": (b'revision="12"', b'revision="-12"', 2, "'-12' is not a number"),
    "a number beyond all bounds": (b'revision="12"', b'revision="%s"' % (b"9" * 5000), 2, "not a number"),
    "devid 0": (b'devid="2" interface', b'devid="0" interface', 12, "devid of <range>: 0 is not an id"),
    "LNN 65536": (b'lnn="1" name="ext-1"', b'lnn="65536" name="ext-1"', 9, "LNN 65536 is out of range"),
    "a missing attribute": (b' revision="12"', b"", 2, "<flx_config> lacks revision"),
    "a leading zero": (b'base_addr="10.20.30.0"', b'base_addr="10.20.30.00"', 7, "not an IPv4 address"),
    "a short address": (b'server="10.20.30.1"', b'server="10.20.1"', 11, "not an IPv4 address"),
    "an IPv6 lease": (b'"10.20.30.12"', b'"2001:db8::1"', 12, "not an IPv4 address"),
    "an IPv6 address in an IPv4 subnet": (
        b'gateway="10.20.30.1"',
        b'gateway="fe80::1"',
        7,
        "in an ipv4 subnet",
    ),
    "a zone": (b'address="10.20.0.2"', b'address="fe80::1%ens5"', 6, "has a zone"),
    "a prefix length of 33": (b'prefixlen="24"', b'prefixlen="33"', 7, "33 is no prefix length of ipv4"),
    "a range upside down": (b'low="10.20.30.50"', b'low="10.20.30.60"', 10, "is not a range"),
    "a leased range of two": (b'high="10.20.30.12"', b'high="10.20.30.13"', 12, "low and high differ"),
    "a leased range without holder": (b' devid="2"', b"", 12, "<range> lacks devid"),
    "an unknown origin": (b'origin="manual"', b'origin="guessed"', 10, "'guessed' is not manual"),
    "a maybe": (b'vlan_enabled="false"', b'vlan_enabled="maybe"', 7, "neither true nor false"),
    "an unknown method": (b'"externally_managed"', b'"magic"', 8, "alloc_method of <pool>: 'magic'"),
    "a pool's name with a dot": (b'name="pool0"', b'name="pool.0"', 8, "name 'pool.0' is not a name"),
    "a time that is none": (b"2026-02-07T16", b"2026-02-30T16", 2, "is not a time"),
    "text": (b"<rule name", b"hello<rule name", 2, "text between the elements: 'hello'"),
    "a priority of 0": (b'gateway_priority="10"', b'gateway_priority="0"', 7, "0 is not 1 to 2147483647"),
    "a priority that no metric can be": (
        *(b'gateway_priority="10"', b'gateway_priority="5000000000"', 7),
        "gateway_priority of <subnet>: 5000000000 is not 1 to",
    ),
    "a static route with bits of a host": (
        *(b'rule name="rule0"', b'static_route subnet="10.2.0.5" prefixlen="16" gateway="10.20.30.1"', 13),
        "10.2.0.5/16-10.20.30.1 is not a route: 10.2.0.5 is not the address of a /16",
    ),
    "no settings": (SETTINGS, b"", 2, "<flx_config> has one <settings>"),
    "two settings": (SETTINGS, SETTINGS + SETTINGS, 4, "<flx_config> has one <settings>"),
    "settings in schema 1": (b'schema="2"', b'schema="1"', 3, "<settings> has no place in schema 1"),
    "an earlier release": (b'"9.7.0.0"', b'"9.6.1.0"', 3, "'9.6.1.0' is no release that has settings"),
    "a release in letters": (b'"9.7.0.0"', b'"Kodiak"', 3, "'Kodiak' is no release that has settings"),
    "schema 0": (b'schema="2"', b'schema="0"', 2, "schema of <flx_config>"),
    "a namespace": (b"<flx_config ", b'<flx_config xmlns="urn:x" ', 2, "is not <flx_config>"),
    "the same attribute twice": (b' term="3"', b' term="3" term="4"', 2, "Attribute term redefined"),
    "a broken tag": (b"</pool>", b"</poll>", 14, "not XML"),
}


@pytest.mark.parametrize(("old", "new", "line", "words"), WRONG.values(), ids=WRONG)
def test_what_can_not_be_read_is_named_with_its_line(old: bytes, new: bytes, line: int, words: str) -> None:
    assert old in GOLDEN
    with pytest.raises(FormatError, match=re.escape(words)) as caught:
        parse(GOLDEN.replace(old, new))
    assert caught.value.line == line
    assert f"flx_config.xml line {line}" in str(caught.value)


def test_the_error_names_the_schema_s_rule_beside_the_value() -> None:
    with pytest.raises(FormatError, match=r"flx_config\.rng: Invalid attribute colour for element iface"):
        parse(GOLDEN.replace(b"<iface lnn", b'<iface colour="red" lnn'))


STRICTER = {
    "an MTU of 3": (b'mtu="1500"', b'mtu="3"', 7),
    "a priority of 0": (b'gateway_priority="10"', b'gateway_priority="0"', 7),
    "a priority that no metric can be": (b'gateway_priority="10"', b'gateway_priority="5000000000"', 7),
    "no prefix length": (b' prefixlen="24"', b"", 7),
    "VLAN 4095": (b'vlan_enabled="false"', b'vlan_enabled="true" vlan_id="4095"', 7),
    "a description of 129": (b'"AWS" description=""', b'"AWS" description="%s"' % (b"x" * 129), 8),
    "an external manager of 129": (b'"AWS"', b'"%s"' % (b"x" * 129), 8),
    "an unknown attribute": (b"<iface lnn", b'<iface colour="red" lnn', 9),
    "an unknown element": (b"<rule name", b"<ruler name", 13),
    "a prefix length of 33": (b'prefixlen="24"', b'prefixlen="33"', 7),
}


@pytest.mark.parametrize(("old", "new", "line"), STRICTER.values(), ids=STRICTER)
def test_the_schema_refuses_with_line_and_rule(old: bytes, new: bytes, line: int) -> None:
    assert old in GOLDEN
    with pytest.raises(FormatError, match=r"\(flx_config\.rng\)") as caught:
        validate(GOLDEN.replace(old, new), "staged.xml")
    assert caught.value.line == line
    assert f"staged.xml line {line}" in str(caught.value)


@pytest.mark.parametrize(
    ("spoilt", "line"),
    [
        (replace(CONFIGURATION, nodes=(*CONFIGURATION.nodes, Node(2, 2, "x" * 256))), 5),
        (replace(CONFIGURATION, nodes=(Node(0, 1, "GLaDOS-1"),)), 4),
        (CONFIGURATION.with_subnet(GroupnetId("groupnet0"), replace(SUBNET, mtu=3)), 7),
        (with_pool(assignments=(*POOL.assignments, Assignment(LEASED, 1, "ext 1", None))), 13),
        (with_pool(assignments=(Assignment(LEASED, 2**31, "ext-1", None), *POOL.assignments)), 11),
    ],
)
def test_what_cannot_be_read_back_is_told_by_its_line(spoilt: Configuration, line: int) -> None:
    with pytest.raises(FormatError) as caught:
        render_checked(spoilt)
    assert caught.value.line == line


def test_what_can_be_read_back_is_rendered() -> None:
    assert render_checked(CONFIGURATION) == GOLDEN


@pytest.mark.parametrize("read", [parse, validate])
def test_a_newer_schema_is_named_before_anything_else_is_looked_at(read: Callable[[bytes], object]) -> None:
    with pytest.raises(NewerSchema, match=r"schema 3 is newer than this program's 2.*upgrade isi_net"):
        read(b'<flx_config schema="3" colour="red"><unheard_of/></flx_config>')


def test_each_schema_is_told_by_its_own_name() -> None:
    with pytest.raises(FormatError, match=r"\(flx_config-1\.rng\)"):
        validate(BEFORE.replace(b'mtu="1500"', b'mtu="3"'))
    with pytest.raises(FormatError, match=r"colour.*\(flx_config-1\.rng\)"):
        validate(BEFORE.replace(b"<iface lnn", b'<iface colour="red" lnn'))
    with pytest.raises(FormatError, match=r"settings.*\(flx_config\.rng\)"):
        validate(GOLDEN.replace(b' release="9.7.0.0"', b' release="9.7 or so"'))


ENTITIES = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
HOSTILE = {
    "billion laughs": b'<!DOCTYPE x [<!ENTITY l0 "ha">' + ENTITIES + b']>\n<flx_config schema="&l9;"/>',
    "an external entity": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><flx_config>&e;</flx_config>',
    "a DOCTYPE alone": b"<!DOCTYPE flx_config>" + GOLDEN.split(b"\n", 1)[1],
    "an external DTD": b'<!DOCTYPE x SYSTEM "http://192.0.2.1/x.dtd"><flx_config/>',
    "a DOCTYPE in UTF-16": '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x><flx_config/>'.encode(
        "utf-16"
    ),
    "a DOCTYPE in UTF-7": b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE x+AD4-<flx_config/>',
    "a million nested elements": b"<flx_config>" * 1_000_000,
    "a thousand nested elements": b"<flx_config>" * 1000 + b"</flx_config>" * 1000,
    "an attribute of 20 MB": b'<flx_config author="' + b"x" * 20_000_000 + b'"/>',
    "an undefined entity": b"<flx_config>&e;</flx_config>",
    "nothing": b"",
    "a NUL": GOLDEN.replace(b"AWS", b"A\0S"),
    "bytes that are not UTF-8": GOLDEN.replace(b"AWS", b"A\xffS"),
    "half a file": GOLDEN[: len(GOLDEN) // 2],
}


@pytest.mark.parametrize("read", [parse, validate])
@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_refused_at_once(data: bytes, read: Callable[[bytes], object]) -> None:
    began = perf_counter()
    with pytest.raises(FormatError):
        read(data)
    assert perf_counter() - began < 2


def test_a_file_beyond_the_limit_is_refused_unread() -> None:
    with pytest.raises(FormatError, match="67108865 bytes are more than"):
        parse(b" " * (MAX + 1))


def test_the_schema_takes_no_longer_for_many_pools_and_attributes() -> None:
    """libxml2 needs minutes for a schema of many optional attributes; this one has next to none."""
    pools = tuple(replace(POOL, number=n, name=f"pool{n}") for n in range(1, 301))
    groupnet = replace(CONFIGURATION.groupnets[0], subnets=(replace(SUBNET, pools=pools),))
    data = render(replace(CONFIGURATION, groupnets=(groupnet,)))
    began = perf_counter()
    validate(data)
    assert perf_counter() - began < 2


def test_an_interface_s_address_stands_in_schema_2_and_has_no_place_in_schema_1() -> None:
    """Until the upgrade is committed an earlier release reads the file, and knows no such attribute."""
    given_ = (b"<iface ", b'<iface address="10.20.30.50" ')
    data = GOLDEN.replace(*given_)
    validate(data)
    [(_, pool)] = [(pool_id, pool) for pool_id, pool in parse(data).pools() if pool.addresses]
    assert [str(one.address) for one in pool.addresses] == ["10.20.30.50"]
    assert pool.addresses[0].iface in pool.manual_ifaces
    for read in (parse, validate):
        with pytest.raises(FormatError, match="address"):
            read(BEFORE.replace(*given_))
