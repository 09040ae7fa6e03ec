import os

import pytest

from isi_net.store.tree import MEMBERS, REPORT, REVISION, TENURE, TERM, Tree, number_in


def test_everything_lies_under_the_two_prefixes_and_nowhere_else() -> None:
    tree = Tree("/r", "/shared")
    own = (tree.settings, tree.leases, tree.lease("ext-1"), tree.log, tree.run, tree.daemon_lock)
    shared = (
        tree.report(4),
        tree.configuration,
        tree.revision(12),
        tree.members_of(1, 2, 3),
        tree.term_staging(7),
        tree.command_staging("x"),
        tree.merger_lock,
        tree.tenure(7),
        tree.step_down,
    )
    assert all(path.startswith("/r/") for path in own)
    assert all(path.startswith("/shared/.ifsvar/modules/") for path in shared)


def test_the_shared_prefix_is_below_the_root_unless_it_is_named() -> None:
    assert Tree().ifs == "/ifs"
    assert Tree("/r").ifs == "/r/ifs"
    assert Tree("r", "s").ifs == os.path.abspath("s")


def test_a_name_that_the_tree_gives_carries_its_number() -> None:
    tree = Tree()
    for number in (1, 12, 10**17):
        assert number_in(os.path.basename(tree.report(number)), REPORT) == number
        assert number_in(os.path.basename(tree.revision(number)), REVISION) == number
        assert number_in(os.path.basename(tree.tenure(number)), TENURE) == number
        assert number_in(os.path.basename(tree.term_staging(number)), TERM) == number
    assert MEMBERS.fullmatch(os.path.basename(tree.members_of(1, 22, 3)))


@pytest.mark.parametrize(
    "name",
    [
        "flx_config.12.bak",
        "flx_config.12.xml.bak",
        "flx_config.012.xml",
        "flx_config.0.xml",
        "flx_config.-1.xml",
        ".flx_config.12.xml.0011223344556677",
        "flx_config.12.xml\n",
        "flx_config.١٢.xml",
        "flx_config.xml",
        f"flx_config.{10**18}.xml",
        "cmd.1234567890123456",
        "node.4.json",
        "",
    ],
)
def test_a_name_of_nobodys_carries_none(name: str) -> None:
    assert [number_in(name, kind) for kind in (REPORT, REVISION, TENURE, TERM)] == [None] * 4
