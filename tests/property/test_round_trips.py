"""Laws of the formats: what is written is read back, and no bytes whatever do more than be refused."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import configurations, inventories, ipv4s, nodes, pools, reports, seconds, tenures

from isi_net.errors import FormatError
from isi_net.formats import flx_config, inventory, node_report, pool_members, tenure, times
from isi_net.model.interface import Inventory
from isi_net.model.names import PoolId
from isi_net.model.network import EARLIER, Assignment, Configuration, Node, Pool, PoolNumbers
from isi_net.model.report import Report
from isi_net.model.tenure import Tenure

POOL = PoolId("groupnet0", "subnet0", "pool0")


@given(configurations())
def test_a_configuration_comes_back_as_it_was(configuration: Configuration) -> None:
    assert flx_config.parse(flx_config.render(configuration)) == configuration


@given(configurations())
def test_every_configuration_that_is_written_keeps_the_schema(configuration: Configuration) -> None:
    flx_config.validate(flx_config.render(configuration))


@st.composite
def other_configurations(draw: st.DrawFn, configuration: Configuration) -> Configuration:
    """`configuration` with other nodes and leased addresses besides, perhaps such as cannot be read back; and
    perhaps of a cluster whose upgrade is not committed.
    """
    some_devids = st.sampled_from((0, 1, 999_999_999, 2**31 - 1, 2**31))
    some_lnns = st.sampled_from((0, 1, 9999, 65_535, 65_536))
    long = ("x" * length for length in (32, 33, 255, 256))
    words = st.sampled_from(("ext-1", "ext 1", "", "-1", "é", "&<>\t", '" origin="manual', *long))
    some_nodes = st.lists(st.builds(Node, some_devids, some_lnns, words), max_size=2)
    some_assignments = st.lists(st.builds(Assignment, ipv4s, some_devids, words, st.none()), max_size=2)

    def change(_: PoolNumbers, _id: PoolId, pool: Pool) -> Pool:
        leased = draw(st.permutations((*pool.assignments, *draw(some_assignments))))
        return replace(pool, assignments=tuple(leased))

    changed = configuration.with_each_pool(change)
    nodes = (*draw(some_nodes), *configuration.nodes)
    return replace(changed, nodes=nodes, settings=draw(st.sampled_from((configuration.settings, EARLIER))))


@settings(max_examples=200)
@given(configurations(), st.data())
def test_what_is_rendered_is_let_pass_when_it_can_be_read_back(
    some: Configuration, data: st.DataObject
) -> None:
    other = data.draw(other_configurations(some))
    rendered = flx_config.render(other)
    try:
        flx_config.parse(rendered)
        flx_config.validate(rendered)
    except FormatError:
        with pytest.raises(FormatError):
            flx_config.render_checked(other)
    else:
        assert flx_config.render_checked(other) == rendered


@given(st.text(), st.text())
def test_no_author_makes_a_configuration_unreadable(author: str, change: str) -> None:
    read = flx_config.parse(flx_config.render(Configuration(author=author, change=change)))
    assert (len(read.author), len(read.change)) == (len(author), len(change))
    assert all(new in {old, "\ufffd"} for old, new in zip(author, read.author, strict=True))


@given(reports())
def test_a_report_comes_back_as_it_was(report: Report) -> None:
    assert node_report.parse(node_report.render(report)) == report


@given(inventories())
def test_an_inventory_comes_back_as_it_was(one: Inventory) -> None:
    assert inventory.parse(inventory.render(one)) == one


@given(tenures())
def test_a_tenure_comes_back_as_it_was(one: Tenure) -> None:
    assert tenure.parse(tenure.render(one)) == one


@given(pools(), st.lists(nodes(), max_size=9), st.integers(0, 10**12))
def test_a_pool_s_members_come_back_as_they_were(pool: Pool, known: list[Node], revision: int) -> None:
    read = pool_members.parse(pool_members.render(revision, POOL, pool, known))
    assert (read.revision, read.pool, read.manual_ranges) == (revision, POOL, pool.manual_ranges)
    assert sorted((one.address, one.devid, one.interface) for one in read.members) == sorted(
        one[:3] for one in pool.assignments
    )


@given(seconds)
def test_a_time_comes_back_as_it_was(moment: int) -> None:
    assert times.parse(times.render(moment)) == moment


PARSERS = [
    flx_config.parse,
    flx_config.validate,
    inventory.parse,
    node_report.parse,
    pool_members.parse,
    tenure.parse,
]


@pytest.mark.parametrize("parse", PARSERS, ids=lambda one: one.__module__)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_format_error(parse: Callable[[bytes], object], data: bytes) -> None:
    _read_or_refused(parse, data)


@st.composite
def spoiled(draw: st.DrawFn, rendered: st.SearchStrategy[bytes]) -> bytes:
    """A real file of which a part was cut out, and other bytes or another part of it put there."""
    data = draw(rendered)
    here, there = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
    tokens = st.sampled_from(
        (b"", b"<", b'"', b"{", b"[", b"null", b"-1", b"0", b"x", b'schema="2"', b"\xff")
    )
    return data[:here] + draw(st.binary(max_size=9) | tokens | st.just(data[here:there] * 2)) + data[there:]


@settings(max_examples=30)
@given(spoiled(configurations().map(flx_config.render)))
def test_a_spoiled_configuration_is_a_value_or_a_format_error(data: bytes) -> None:
    _read_or_refused(flx_config.parse, data)
    _read_or_refused(flx_config.validate, data)


@given(spoiled(reports().map(node_report.render)))
def test_a_spoiled_report_is_a_value_or_a_format_error(data: bytes) -> None:
    _read_or_refused(node_report.parse, data)


@given(spoiled(inventories().map(inventory.render)))
def test_a_spoiled_inventory_is_a_value_or_a_format_error(data: bytes) -> None:
    _read_or_refused(inventory.parse, data)


@given(spoiled(tenures().map(tenure.render)))
def test_a_spoiled_tenure_is_a_value_or_a_format_error(data: bytes) -> None:
    _read_or_refused(tenure.parse, data)


@given(spoiled(pools().map(lambda pool: pool_members.render(1, POOL, pool, ()))))
def test_spoiled_members_are_a_value_or_a_format_error(data: bytes) -> None:
    _read_or_refused(pool_members.parse, data)


def _read_or_refused(parse: Callable[[bytes], object], data: bytes) -> None:
    try:
        parse(data)
    except FormatError as why:
        assert str(why)
