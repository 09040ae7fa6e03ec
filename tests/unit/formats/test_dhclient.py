"""The lease files of dhclient: what the real readers take, rule by rule, and what nobody may be fooled by."""

import csv
import time
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from isi_net.errors import FormatError
from isi_net.formats.dhclient import MAX_BLOCK, MAX_FILE, MAX_STATEMENT, parse
from isi_net.model.lease import Lease, LeaseFile

CORPUS = Path(__file__).parents[2] / "corpus"
with (CORPUS / "ACTIVE.tsv").open() as table:
    ACTIVE = list(csv.DictReader(table, delimiter="\t"))
# The table's row is of another run of the same trial (tests/corpus/README.md).
OTHER_RUN = {"isc/01-first-lease-dhcpd.leases": "0 2026/11/22 11:28:22"}

MAX_FINDINGS = 50
NOON = 1795348800  # 2026-11-22 12:00:00 UTC


def block(
    *statements: str,
    interface: str = 'interface "ext-1";',
    address: str = "10.0.0.1",
    expire: str = "0 2026/11/22 12:00:00",
) -> bytes:
    inside = [interface, f"fixed-address {address};", *statements, f"expire {expire};"]
    return ("lease {\n  " + "\n  ".join(inside) + "\n}\n").encode()


def only(data: bytes) -> Lease:
    (lease,) = parse(data).leases
    return lease


def codes(found: Lease | LeaseFile) -> list[str]:
    return [finding.code for finding in found.problems]


def addresses(data: bytes) -> list[str]:
    return [str(lease.address) for lease in parse(data).leases]


# --- what real clients wrote


@pytest.mark.parametrize("row", ACTIVE, ids=[row["file"] for row in ACTIVE])
def test_the_current_lease_is_the_one_that_isc_dhclient_takes(row: dict[str, str]) -> None:
    current = parse((CORPUS / row["file"]).read_bytes()).current(["ext-1"])
    assert current is not None
    at = (
        "never"
        if current.expire is None
        else f"{datetime.fromtimestamp(current.expire, UTC):%w %Y/%m/%d %H:%M:%S}"
    )
    assert (str(current.address), at) == (row["isc_active"], OTHER_RUN.get(row["file"], row["isc_expire"]))


@pytest.mark.parametrize("row", ACTIVE, ids=[row["file"] for row in ACTIVE])
def test_asking_for_one_interface_only_gives_the_same_current_lease(row: dict[str, str]) -> None:
    data = (CORPUS / row["file"]).read_bytes()
    quick = parse(data, only=("ens5", "ext-1"))
    assert quick.current(["ext-1"]) == parse(data).current(["ext-1"])
    assert quick.whole == parse(data).whole


@pytest.mark.parametrize("row", ACTIVE, ids=[row["file"] for row in ACTIVE])
def test_no_corpus_file_fools_the_reader(row: dict[str, str]) -> None:
    found = parse((CORPUS / row["file"]).read_bytes())
    assert not [lease for lease in found.leases if str(lease.address).startswith("6.6.6.")]


def test_an_ordinary_lease_is_read_whole() -> None:
    lease = only((CORPUS / "isc/08-unknown-options-and-rfc3442.leases").read_bytes())
    assert (lease.interface, lease.address, lease.prefixlen) == ("ext-1", IPv4Address("10.20.30.11"), 24)
    assert (lease.gateway, lease.server) == (IPv4Address("10.20.30.1"), IPv4Address("10.20.30.1"))
    assert lease.dns_servers == (IPv4Address("10.20.0.2"),)
    assert (lease.domain_name, lease.host_name) == ("eu-west-1.compute.internal", "ip-10-20-30-11")
    assert lease.mtu == 9001
    assert (lease.renew, lease.rebind, lease.expire) == (1795341762, 1795342975, 1795344075)
    assert ("domain-search", "eu-west-1.compute.internal., ec2.internal.") in lease.options
    assert ("unknown-252", "http://wpad/wpad.dat") in lease.options
    assert lease.problems == ()


def test_hostile_strings_are_text_and_nothing_else() -> None:
    options = dict(only((CORPUS / "isc/07-hostile-strings.leases").read_bytes()).options)
    assert options["merit-dump"] == "line one\nline two\nlease {\n  fixed-address 6.6.6.7;\n}\n"
    assert options["root-path"] == "$(reboot) `reboot` ; rm -rf / | tee && echo 'x' \\ \" # comment"
    assert options["extensions-path"] == "tab\tcr\rnul-then\0after esc\x1b[31m del\x7f"
    assert options["tftp-server-name"] == "café € latin1:\\xe9\\xff"


def test_values_that_are_not_what_their_options_promise_stay_text_and_become_problems() -> None:
    lease = only((CORPUS / "isc/37-rogue-oddopts.leases").read_bytes())
    assert (lease.dns_servers, lease.mtu, lease.gateway) == ((), None, IPv4Address("10.20.30.1"))
    assert ("interface-mtu", "<error>") in lease.options
    assert ("domain-search", "") in lease.options
    assert [(finding.place, finding.code, finding.severity) for finding in lease.problems] == [
        ("line 10 option domain-name-servers", "option_unreadable", "warning"),
        ("line 16 option interface-mtu", "option_unreadable", "warning"),
        ("line 18 option rfc3442-classless-static-routes", "option_unreadable", "warning"),
    ]


def test_two_interfaces_in_one_file_keep_their_own_leases() -> None:
    found = parse((CORPUS / "isc/43a-two-interfaces-one-file.leases").read_bytes())
    assert found.interfaces() == ("ext-2", "ext-1")
    assert str(found.leases[0].address) == "10.20.30.12"


def test_a_block_cut_off_by_a_full_disk_is_dropped_whole() -> None:
    found = parse((CORPUS / "isc/50a-truncated-by-enospc.leases").read_bytes())
    assert (len(found.leases), found.whole, codes(found)) == (2, False, ["file_cut_off"])


def test_openbsd_leases_belong_to_the_interface_that_the_caller_names() -> None:
    # Made by hand after dhclient.c of OpenBSD 6.8: no file of a running one was at hand.
    data = (
        b"lease {\n  fixed-address 192.168.1.7;\n  next-server 192.168.1.1;\n"
        b'  ssid "caf\\351 \\"}; lease {";\n  option subnet-mask 255.255.255.0;\n'
        b"  option routers 192.168.1.1;\n  epoch 1491630470;\n"
        b"  renew 6 2017/04/08 05:47:50 UTC;\n  rebind 6 2017/04/08 05:58:50 UTC;\n"
        b"  expire 6 2017/04/08 06:47:50 UTC;\n}\n"
    )
    lease = parse(data, "em0").leases[0]
    assert (lease.interface, str(lease.address), lease.prefixlen) == ("em0", "192.168.1.7", 24)
    assert (lease.renew, lease.rebind, lease.expire) == (1491630470, 1491631130, 1491634070)
    assert lease.problems == ()
    assert only(data).interface == ""


def test_a_lease_without_interface_is_nobodys_where_others_have_one() -> None:
    found = parse(block() + block(interface="", address="10.0.0.2"), "ext-1")
    assert [str(lease.address) for lease in found.leases] == ["10.0.0.1"]
    assert codes(found) == ["lease_without_interface"]
    assert addresses(block(interface="interface ext-1;") + block(address="10.0.0.2")) == ["10.0.0.2"]


# --- the grammar


def test_form_is_free() -> None:
    data = (
        b'LEASE{expire never;Option Routers\n10.0.0.254 , 10.0.0.253;fixed-ADDRESS 10.0.0.1;# } "\r\n'
        b'InterFace"ext-1"\r\n;\trenew\v0 2026/11/22 12:00:00;;rebind 0 2026 / 11 / 22 12 : 00 : 00;bootp;}'
    )
    lease = only(data)
    assert (lease.interface, str(lease.address), str(lease.gateway)) == ("ext-1", "10.0.0.1", "10.0.0.254")
    assert (lease.renew, lease.rebind, lease.expire) == (NOON, NOON, None)
    assert lease.options == (("routers", "10.0.0.254 , 10.0.0.253"),)
    assert lease.problems == ()


@pytest.mark.parametrize(
    "statement",
    [
        'filename "/boot/img";',
        'filename "x;}\n#";',
        'medium "link0 link1", "link2";',
        'server-name "boot";',
        "next-server 10.0.0.9;",
        'name "pseudo";',
        "bootp;",
        "epoch 1491630470;",
        'ssid "net";',
        "released;",
        ";",
        "# expire never; }",
    ],
)
def test_what_clients_write_besides_is_understood(statement: str) -> None:
    assert only(block(statement)) == only(block())


@pytest.mark.parametrize(
    "statement",
    [
        "foo;",
        "next 1;",
        'foo "a;b}" bar;',
        "foo { bar; }",
        "foo { { } ; } ;",
        "10.0.0.2;",
        "option ;",
        "option <x>;",
    ],
)
def test_an_unknown_statement_costs_itself_alone(statement: str) -> None:
    lease = only(block(statement, "option interface-mtu 1400;"))
    assert (lease.mtu, lease.expire, codes(lease)) == (1400, NOON, ["statement_unknown"])


def test_a_brace_ends_the_block_also_behind_a_statement_without_semicolon() -> None:
    data = b'lease { interface "ext-1"; fixed-address 10.0.0.1; expire never; foo }' + block(
        address="10.0.0.2"
    )
    assert addresses(data) == ["10.0.0.1", "10.0.0.2"]


def test_of_two_statements_the_last_counts_and_both_options_are_kept() -> None:
    lease = only(block("fixed-address 10.0.0.9;", "option routers 10.0.0.2;", "option routers 10.0.0.3;"))
    assert (str(lease.address), str(lease.gateway)) == ("10.0.0.9", "10.0.0.3")
    assert lease.options == (("routers", "10.0.0.2"), ("routers", "10.0.0.3"))


# What dhclient 4.4.3-P1 answered for these: it passes over what it does not know from the token after it,
# so that a stray `}` or `;` costs the block behind it.
@pytest.mark.parametrize(
    ("between", "second_is_read"),
    [
        ("", True),
        ("# lease {\n", True),
        ('default-duid "\\000\\001;}{";', True),
        ('lease6 { interface "ext-1"; ia-na 0a:14 { iaaddr fd00::1 { starts 1; } } released; }', True),
        ("foo;", True),
        ("foo }", True),
        ("foo { { } }", True),
        ('"};"x;', True),
        ("option routers 10.0.0.1;", True),
        ("}", False),
        (";", False),
        ("foo", False),
        ("lease foo {", False),
        ("lease ;", False),
        ("lease", False),
        ("\0", False),
    ],
)
def test_text_between_blocks_is_passed_over_as_isc_does(between: str, second_is_read: bool) -> None:
    data = block() + between.encode() + block(address="10.0.0.2") + block(address="10.0.0.3")
    if between == "lease foo {":
        data = block() + b"lease foo {" + block(address="10.0.0.2")[7:] + block(address="10.0.0.3")
    assert ("10.0.0.2" in addresses(data)) == second_is_read
    assert addresses(data)[-1] == "10.0.0.3"
    known = not between or between.startswith(("#", "default", "lease6"))
    assert codes(parse(data)) == ([] if known else ["file_corrupt"])


@pytest.mark.parametrize(
    ("tail", "whole"),
    [
        (b"", True),
        (b"  \n# end", True),
        (b"}", True),
        (b"foo", False),
        (b"lease", False),
        (b"lease {", False),
        (b"lease6 { ia-na 1 { }", False),
        (b'default-duid "', False),
        (b'foo "', False),
        (b"foo {", False),
        (b'lease { filename "x;}', False),
        (b'lease { filename "\\', False),
        (b"lease { } #", True),
    ],
)
def test_a_file_is_whole_when_it_ends_between_statements(tail: bytes, whole: bool) -> None:
    assert parse(block() + tail).whole is whole
    assert addresses(block() + tail) == ["10.0.0.1"]


def test_an_empty_file_is_not_whole() -> None:
    assert parse(b"") == LeaseFile((), (), False)


def test_a_byte_order_mark_and_carriage_returns_do_not_matter() -> None:
    assert addresses(b"\xef\xbb\xbf" + block().replace(b"\n", b"\r\n")) == ["10.0.0.1"]


def test_what_freebsd_leaves_behind_new_blocks_while_it_rewrites_in_place_hides_none_of_them() -> None:
    old = block("option routers 10.0.0.254;", 'option host-name "old";')
    new = block(address="10.0.0.2")
    assert addresses(new + old[len(new) :]) == ["10.0.0.2"]


# --- strings


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\101\60\0012\7", "A60\x0127"),
        (r"\x41\x4a\x4", "AJx4"),
        (r"a\tb\rc\nd\be", "a\tb\rc\nd\be"),
        (r"\"\\\$\`\'\|\&\q\8", "\"\\$`'|&q8"),
        (r"\477", "477"),
        ("ä\n{;}#", "ä\n{;}#"),
        ("", ""),
    ],
)
def test_escapes_are_read_as_isc_reads_them(written: str, read: str) -> None:
    assert dict(only(block(f'option root-path "{written}";')).options)["root-path"] == read


@pytest.mark.parametrize(
    "value",
    [
        r"x\"; } lease { interface \"ext-1\"; fixed-address 6.6.6.6; }",
        "x\\\\",
        'x; }\nlease {\n  interface \\"ext-1\\";\n  fixed-address 6.6.6.6;\n}\n',
        "}\n}\n}\nlease { fixed-address 6.6.6.6; }",
        "# \\\n",
        r"\042; } lease { fixed-address 6.6.6.6; }",
    ],
)
def test_no_escaped_string_gets_out_of_its_quotes(value: str) -> None:
    for statement in (f'option domain-name "{value}";', f'filename "{value}";', f'server-name "{value}";'):
        lease = only(block(statement))
        assert (str(lease.address), lease.expire, lease.problems) == ("10.0.0.1", NOON, ())


# --- times


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("0 2026/11/22 12:00:00", NOON),
        ("9 2026/11/22 12:00:00", NOON),
        ("3 2024/2/7 1:02:03", 1707267723),
        ("0 2026/11/22 12:00:00 3600", NOON + 3600),
        ("0 2026/11/22 12:00:00 -3600", NOON - 3600),
        ("0 2026/11/22 12:00:00 utc", NOON),
        ("epoch 1795348800", NOON),
        ("epoch 1795348800; # Sun Nov 22 12:00:00 2026\n# }", NOON),
        ("0 2026/11/22 # comment\n 12:00:00", NOON),
        ("4 1970/01/01 00:00:00", 0),
        ("2 2038/01/19 03:14:08", 1 << 31),
        ("1 2162/12/29 00:00:00", 6090249600),
        ("5 9999/12/31 23:59:59", 253402300799),
        ("4 2024/2/29 00:00:00", 1709164800),
        ("never", None),
        ("NEVER", None),
    ],
)
def test_times_are_seconds_since_the_epoch(said: str, seconds: int | None) -> None:
    lease = only(block(expire=said))
    assert (lease.expire, lease.problems) == (seconds, ())


@pytest.mark.parametrize(
    "said",
    [
        "",
        "soon",
        "0",
        "0 2026/13/01 00:00:00",
        "0 2026/02/30 00:00:00",
        "0 2026/11/22 24:00:00",
        "epoch x",
        "0 26/11/22 12:00:00",
        "0 1969/12/31 23:59:59",
        "epoch 253402300800",
        "epoch -1",
        "never 1",
        "0 99999/01/01 00:00:00",
        "0 0000/01/01 00:00:00",
        "0 2026/11/22 12:60:00",
        '"never"',
        "0 2026/11/22",
    ],
)
def test_a_lease_of_unreadable_end_counts_as_expired(said: str) -> None:
    lease = only(block(expire=said))
    assert (lease.expire, lease.state(1)) == (0, "expired")
    assert [(finding.place, finding.code) for finding in lease.problems] == [
        ("line 4 expire", "time_unreadable")
    ]


def test_a_lease_without_end_counts_as_expired() -> None:
    lease = only(b'lease { interface "ext-1"; fixed-address 10.0.0.1; }')
    assert (lease.expire, codes(lease)) == (0, ["lease_without_expiry"])


def test_a_lease_of_unreadable_renewal_is_bound_until_its_end() -> None:
    lease = only(block("renew soon;", "rebind ;"))
    assert (lease.renew, lease.rebind, lease.state(NOON - 1), lease.state(NOON)) == (
        NOON,
        NOON,
        "bound",
        "expired",
    )
    assert codes(lease) == ["time_unreadable", "time_unreadable"]
    assert only(block()).state(NOON - 1) == "bound"


# --- addresses and options


@pytest.mark.parametrize(
    "said", ["", "010.1.1.1", "10.1.1", "10.1.1.1.1", "10.1.1.256", "host.example", "1.2.3.4 5", '"1.2.3.4"']
)
def test_a_block_without_an_address_is_no_lease(said: str) -> None:
    found = parse(block(address="10.0.0.9") + block(address=said))
    assert [str(lease.address) for lease in found.leases] == ["10.0.0.9"]
    assert [(finding.place, finding.code) for finding in found.problems] == [
        ("line 8 fixed-address", "lease_without_address")
    ]
    assert codes(parse(b'lease { interface "ext-1"; expire never; }')) == ["lease_without_address"]


@pytest.mark.parametrize("address", ["0.0.0.0", "255.255.255.255", "127.0.0.1", "224.0.0.1"])
def test_an_address_that_is_no_hosts_is_for_others_to_judge(address: str) -> None:
    assert addresses(block(address=address)) == [address]


@pytest.mark.parametrize(
    ("mask", "prefixlen"),
    [
        ("255.255.255.0", 24),
        ("255.255.240.0", 20),
        ("255.255.255.255", 32),
        ("255.255.255.254", 31),
        ("128.0.0.0", 1),
        ("255.0.255.0", None),
        ("0.0.0.0", None),
        ("0.0.0.255", None),
        ("<error>", None),
        ("255.255.255.0,255.0.0.0", None),
        ("", None),
    ],
)
def test_a_subnet_mask_is_contiguous(mask: str, prefixlen: int | None) -> None:
    lease = only(block(f"option subnet-mask {mask};"))
    assert (lease.prefixlen, codes(lease)) == (prefixlen, [] if prefixlen else ["option_unreadable"])


ROUTES = "24,192,168,7,10,0,0,5,0,10,0,0,254"


@pytest.mark.parametrize(
    "option",
    [
        f"rfc3442-classless-static-routes {ROUTES}",
        f"classless-routes {ROUTES}",
        f"classless-static-routes {ROUTES.replace(',', ', ')}",
        "unknown-121 18:c0:a8:7:a:0:0:5:0:a:0:0:fe",
        "option-121 18:C0:A8:07:0a:0:0:5:0:a:0:0:fe",
        r'unknown-121 "\000\n\000\000\376"',
    ],
)
def test_the_gateway_is_the_default_route_of_option_121_when_there_is_no_router(option: str) -> None:
    lease = only(block(f"option {option};"))
    assert (str(lease.gateway), lease.problems) == ("10.0.0.254", ())
    assert str(only(block(f"option {option};", "option routers 10.0.0.1;")).gateway) == "10.0.0.1"


@pytest.mark.parametrize(
    "routes", ["24,192,168,1", "33,1,2,3,4,5,6,7,8,9", "0,10,0,0,256", "<error>", "", '""', "a"]
)
def test_routes_that_are_none_are_a_problem(routes: str) -> None:
    lease = only(block(f"option unknown-121 {routes};"))
    assert (lease.gateway, codes(lease)) == (None, ["option_unreadable"])


def test_a_default_route_on_the_link_has_no_gateway() -> None:
    lease = only(block("option classless-routes 0,0,0,0,0;"))
    assert (lease.gateway, lease.problems) == (None, ())


@pytest.mark.parametrize(
    ("said", "mtu"), [("68", 68), ("65535", 65535), ("67", None), ("65536", None), ("-1", None)]
)
def test_an_mtu_is_from_68_to_65535(said: str, mtu: int | None) -> None:
    lease = only(block(f"option interface-mtu {said};"))
    assert (lease.mtu, codes(lease)) == (mtu, [] if mtu else ["option_unreadable"])


def test_option_names_are_lower_case_and_keep_their_space() -> None:
    lease = only(block("option DHCP6.Name-Servers fd00::1;", "option MSFT.x 1;"))
    assert lease.options == (("dhcp6.name-servers", "fd00::1"), ("msft.x", "1"))


def test_findings_quote_little() -> None:
    lease = only(block(f"option interface-mtu {'9' * 1000};"))
    assert len(lease.problems[0].message) < 200


# --- limits


def test_a_larger_file_is_refused() -> None:
    parse(b"#" * MAX_FILE)
    with pytest.raises(FormatError, match="too many"):
        parse(b"#" * (MAX_FILE + 1))


@pytest.mark.parametrize(
    "statement",
    [
        f'option root-path "{"a" * MAX_STATEMENT}";',
        "x" * (MAX_STATEMENT + 1) + ";",
        "a 1;" * (MAX_BLOCK // 4),
    ],
    ids=["string", "word", "block"],
)
def test_what_no_client_writes_so_long_spoils_its_block_alone(statement: str) -> None:
    found = parse(block() + block(statement, address="10.0.0.2") + block(address="10.0.0.3"))
    assert [str(lease.address) for lease in found.leases] == ["10.0.0.1", "10.0.0.3"]
    assert codes(found) == ["lease_too_long"]


def test_the_longest_packet_that_a_client_can_write_is_read() -> None:
    value = r"\377" * 1500
    assert len(dict(only(block(f'option root-path "{value}";')).options)["root-path"]) == 1500 * len(r"\xff")


HOSTILE = [
    b'"',
    b"{",
    b"}",
    b"\\",
    b";",
    b"#",
    b"\n",
    b"\0",
    b'""',
    b'"\\',
    b"a;",
    b"lease{",
    b"lease;",
    b"#\n",
    b"lease {}",
]
HOSTILE += [
    b'lease { option x "',
    b"lease{fixed-address 1.1.1.1;}",
    b'"{',
    b"a#\n",
    b'lease{"}',
    b"}lease{",
    b"option ",
]


@pytest.mark.parametrize("size", [MAX_FILE >> 3, pytest.param(MAX_FILE, marks=pytest.mark.slow)])
@pytest.mark.parametrize("unit", HOSTILE, ids=repr)
def test_a_file_of_anything_is_read_in_linear_time_and_says_little(unit: bytes, size: int) -> None:
    for start in (b"", b'"', b"lease {", b'lease { x "'):
        began = time.process_time()
        found = parse((start + unit * size)[:size])
        # Measured: at most 4 seconds for 1 MiB.  Were it quadratic, the smallest would take minutes.
        assert time.process_time() - began < 30 * size / MAX_FILE
        assert len(found.problems) <= MAX_FINDINGS
