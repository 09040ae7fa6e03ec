"""Names and ids, as people type them."""

from collections.abc import Callable

import pytest

from isi_net.errors import BadValue
from isi_net.model.names import (
    check_interface,
    check_lnn,
    check_name,
    is_interface,
    parse_groupnet_id,
    parse_pool_id,
    parse_subnet_id,
)


@pytest.mark.parametrize("text", ["a", "pool-0_B", "0", "-", "x" * 32])
def test_a_name_is_up_to_32_plain_characters(text: str) -> None:
    assert check_name(text) == text


@pytest.mark.parametrize("text", ["", "x" * 33, "a b", "a.b", "a:b", "pöol", "a\n", "٣", "../x"])
def test_anything_else_is_no_name(text: str) -> None:
    with pytest.raises(BadValue, match="is not a name"):
        check_name(text)


@pytest.mark.parametrize("text", ["ext-1", "ens5", "eth0.100", "em0", "_x", "1e5", "eth0:1"])
def test_an_interface_is_what_linux_and_freebsd_allow(text: str) -> None:
    assert check_interface(text) == text
    assert is_interface(text)


@pytest.mark.parametrize("text", ["", ".", "..", "-a", ":a", "a/b", "a b", "ext-1\n", "x" * 33, "ext-\x00"])
def test_an_interface_is_never_a_path_or_an_option(text: str) -> None:
    with pytest.raises(BadValue, match="is not an interface"):
        check_interface(text)
    assert not is_interface(text)


@pytest.mark.parametrize(
    "text", ["groupnet0.subnet0.pool0", "groupnet0:subnet0:pool0", "subnet0.pool0", "subnet0:pool0"]
)
def test_a_pool_id_has_many_spellings_and_prints_one(text: str) -> None:
    assert str(parse_pool_id(text)) == "groupnet0.subnet0.pool0"
    assert str(parse_pool_id(text).subnet_id) == "groupnet0.subnet0"


def test_the_groupnet_may_be_named_or_left_out() -> None:
    assert str(parse_subnet_id("front")) == "groupnet0.front"
    assert str(parse_subnet_id("groupnet1:front")) == "groupnet1.front"
    assert str(parse_groupnet_id("groupnet1")) == "groupnet1"


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_pool_id, "pool0"),
        (parse_pool_id, "a.b.c.d"),
        (parse_pool_id, "a..c"),
        (parse_pool_id, ""),
        (parse_subnet_id, "a.b.c"),
        (parse_subnet_id, "a."),
        (parse_subnet_id, ""),
        (parse_groupnet_id, "a.b"),
        (parse_groupnet_id, ""),
    ],
)
def test_an_id_that_is_none_is_refused_with_words(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(BadValue, match=r"is not a|use 1 to 32"):
        parse(text)


@pytest.mark.parametrize("number", [1, 65535])
def test_an_lnn_is_1_to_65535(number: int) -> None:
    assert check_lnn(number) == number


@pytest.mark.parametrize("number", [0, -1, 65536])
def test_an_lnn_is_nothing_else(number: int) -> None:
    with pytest.raises(BadValue, match=f"devid {number} is out of range"):
        check_lnn(number, "devid")
