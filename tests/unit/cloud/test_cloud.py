"""Which cloud is this: by the machine, by its leases, and when they contradict each other."""

from ipaddress import IPv4Address
from pathlib import Path

import pytest
from machines import ELSEWHERE, IN_A_CLOUD, describe

from isi_net.cloud import dmi
from isi_net.model.cloud import Evidence, Verdict, judge, of_lease, of_machine
from isi_net.model.lease import Lease
from isi_net.model.network import AUTO
from isi_net.settings import MANAGERS
from isi_net.store.tree import Tree


def ip(*texts: str) -> tuple[IPv4Address, ...]:
    return tuple(map(IPv4Address, texts))


PLAIN = Lease(
    "ext-1", *ip("10.20.30.11"), prefixlen=24, server=ip("10.20.30.1")[0], dns_servers=ip("10.20.0.3")
)
WIRE_SERVER, LINK_LOCAL = ip("168.63.129.16", "169.254.169.254")
LEASES = {
    "Azure, the wire server leases": ("Azure", PLAIN._replace(server=WIRE_SERVER)),
    "Azure, it resolves": ("Azure", PLAIN._replace(dns_servers=ip("10.0.0.4", "168.63.129.16"))),
    "Azure, option 245": ("Azure", PLAIN._replace(options=(("unknown-245", "a8:3f:81:10"),))),
    "Azure, by FreeBSD": ("Azure", PLAIN._replace(options=(("option-245", "a8:3f:81:10"),))),
    "GCP, it leases": ("GCP", PLAIN._replace(prefixlen=32, server=LINK_LOCAL)),
    "GCP, it resolves": ("GCP", PLAIN._replace(dns_servers=(LINK_LOCAL,), domain_name="c.p.internal")),
    "OCI": (
        "OCI",
        PLAIN._replace(server=LINK_LOCAL, dns_servers=(LINK_LOCAL,), domain_name="sub1.vcn1.oraclevcn.com"),
    ),
    "AWS, a /16": (
        "AWS",
        PLAIN._replace(dns_servers=ip("10.20.0.2"), domain_name="eu-west-1.compute.internal"),
    ),
    "AWS, a /28": ("AWS", PLAIN._replace(dns_servers=ip("10.20.30.2"), domain_name="ec2.internal")),
    "AWS, with a dot": ("AWS", PLAIN._replace(dns_servers=ip("10.20.30.2"), domain_name="EC2.internal.")),
}
SAY_NOTHING = {
    "what any network may say": PLAIN,
    "a resolver at .2 at home": PLAIN._replace(dns_servers=ip("10.20.30.2"), domain_name="fritz.box"),
    "AWS' domain with another resolver": PLAIN._replace(domain_name="eu-west-1.compute.internal"),
    "a resolver of a /29": PLAIN._replace(
        address=ip("10.20.30.12")[0], dns_servers=ip("10.20.30.10"), domain_name="ec2.internal"
    ),
    "AWS' domain as a part": PLAIN._replace(dns_servers=ip("10.20.30.2"), domain_name="notec2.internal"),
    "Oracle's domain as a part": PLAIN._replace(domain_name="oraclevcn.com.example.com"),
    "another option 245": PLAIN._replace(options=(("unknown-245", "a:0:0:1"),)),
    "no lease": None,
}


def verdict(tree: Tree, *leases: Lease | None, wanted: str = AUTO) -> Verdict:
    found = [(f"lease{number}", lease) for number, lease in enumerate(leases) if lease]
    return judge(wanted, of_machine(dmi.facts(tree)), found, "node 3")


@pytest.mark.parametrize("machine", IN_A_CLOUD)
def test_a_clouds_machine_names_it(tmp_path: Path, machine: str) -> None:
    tree = Tree(str(tmp_path))
    manager, fields = IN_A_CLOUD[machine]
    describe(tree, fields)
    found = verdict(tree, PLAIN)
    assert (found.manager, found.explicit, found.findings) == (manager, False, ())
    assert {one.where: one.value for one in found.evidence} == {
        tree.dmi(name): value for name, value in fields.items() if value
    }
    assert {name for one in found.evidence for name in one.managers} == {manager}


@pytest.mark.parametrize("machine", ELSEWHERE)
def test_any_other_machine_is_on_the_premises(tmp_path: Path, machine: str) -> None:
    tree = Tree(str(tmp_path))
    describe(tree, ELSEWHERE[machine])
    found = verdict(tree, PLAIN)
    assert (found.manager, found.findings) == ("DHCP", ())
    assert not any(one.managers for one in found.evidence)


@pytest.mark.parametrize("lease", LEASES)
@pytest.mark.parametrize("machine", ["KVM", "no DMI at all"])
def test_where_the_machine_names_nobody_its_lease_may(tmp_path: Path, lease: str, machine: str) -> None:
    tree = Tree(str(tmp_path))
    describe(tree, ELSEWHERE[machine])
    manager, said = LEASES[lease]
    assert verdict(tree, PLAIN, said).manager == manager


@pytest.mark.parametrize("lease", SAY_NOTHING)
def test_what_other_networks_say_too_names_nobody(tmp_path: Path, lease: str) -> None:
    found = verdict(Tree(str(tmp_path)), SAY_NOTHING[lease])
    assert (found.manager, found.evidence, found.findings) == ("DHCP", (), ())


@pytest.mark.parametrize("lease", ["GCP, it leases", "OCI"])
def test_gcp_and_oci_share_an_address_and_contradict_nobody_by_it(tmp_path: Path, lease: str) -> None:
    tree = Tree(str(tmp_path))
    describe(tree, IN_A_CLOUD["OCI"][1])
    found = verdict(tree, LEASES[lease][1])
    assert (found.manager, found.findings) == ("OCI", ())


CONTRADICTIONS = {
    "the machine and a lease": ("AWS Nitro", {}, ("Azure, it resolves",)),
    "two leases": ("", {}, ("GCP, it leases", "AWS, a /28")),
    "OCI's domain on GCP": ("GCP", {}, ("OCI",)),
    "the machine itself": ("Azure", {"product_name": "Google Compute Engine"}, ()),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_when_the_evidence_contradicts_itself_nobody_is_named(tmp_path: Path, name: str) -> None:
    tree = Tree(str(tmp_path))
    machine, besides, leases = CONTRADICTIONS[name]
    describe(tree, {**(IN_A_CLOUD[machine][1] if machine else {}), **besides})
    found = verdict(tree, *(LEASES[one][1] for one in leases))
    assert (found.manager, found.explicit) == ("", False)
    assert [(one.place, one.code, one.severity) for one in found.findings] == [
        ("node 3", "cloud_contradictory", "error")
    ]
    assert "[dhcp] manager" in found.findings[0].action


@pytest.mark.parametrize("wanted", [one for one in MANAGERS if one not in (AUTO, "AWS")])
def test_what_the_administrator_names_is_final_and_contrary_evidence_a_finding(
    tmp_path: Path, wanted: str
) -> None:
    tree = Tree(str(tmp_path))
    describe(tree, IN_A_CLOUD["AWS Nitro"][1])
    found = verdict(tree, LEASES["AWS, a /16"][1], wanted=wanted)
    assert (found.manager, found.explicit) == (wanted, True)
    assert [(one.place, one.code, one.severity) for one in found.findings] == [
        ("node 3", "cloud_contrary", "warning")
    ]
    assert f"[dhcp] manager is {wanted}, but {tree.dmi('sys_vendor')} says 'Amazon EC2', which is AWS" in str(
        found.findings[0]
    )


def test_what_the_administrator_names_needs_no_evidence(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    describe(tree, ELSEWHERE["VMware"])
    found = verdict(tree, PLAIN, wanted="AWS")
    assert (found.manager, found.explicit, found.findings) == ("AWS", True, ())
    described = Tree(str(tmp_path / "aws"))
    describe(described, IN_A_CLOUD["AWS Nitro"][1])
    assert verdict(described, wanted="AWS").findings == ()


def test_contradictory_evidence_does_not_touch_what_the_administrator_names(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    describe(tree, IN_A_CLOUD["AWS Nitro"][1])
    found = verdict(tree, LEASES["GCP, it leases"][1], wanted="AWS")
    assert (found.manager, [one.code for one in found.findings]) == ("AWS", ["cloud_contrary"])


def test_a_long_text_of_the_network_is_cut(tmp_path: Path) -> None:
    lease = LEASES["AWS, a /28"][1]._replace(domain_name="x" * 5000 + ".compute.internal")
    (one,) = of_lease("a lease", lease)
    assert one == Evidence("a lease", f"resolver 10.20.30.2 and domain {'x' * 60}…", ("AWS",))


def test_a_field_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    describe(tree, IN_A_CLOUD["AWS Nitro"][1])
    Path(tree.dmi("product_uuid")).unlink()
    Path(tree.dmi("product_uuid")).mkdir()
    Path(tree.dmi("board_vendor")).write_bytes(b"\xff\xfe\n")
    said = {one.name: one.value for one in dmi.facts(tree)}
    assert "product_uuid" not in said
    assert said["board_vendor"] == "\ufffd\ufffd"
    assert verdict(tree).manager == "AWS"
