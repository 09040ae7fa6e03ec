import os
from dataclasses import replace
from pathlib import Path

import pytest

from isi_net.errors import Conflict, FormatError, LockLost, NewerSchema
from isi_net.flexnet import published
from isi_net.flexnet.publish import publish
from isi_net.formats import flx_config
from isi_net.model.network import Configuration, Groupnet, Subnet
from isi_net.store import revisions, staging
from isi_net.store.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(str(tmp_path))
    staging.enter(tree, 1)
    return tree


def may() -> None:
    """Who asks may publish."""


def grow(tree: Tree, name: str, before: published.Published | None = None) -> published.Published:
    """Publishes what is published, or was `before`, with a groupnet more."""
    before = before or published.current(tree)
    known = before.configuration
    return publish(
        tree, tree.term_staging(1), before, known.with_groupnet(Groupnet(known.next_number, name)), may
    )


def test_a_cluster_that_has_published_nothing_has_an_empty_configuration(tree: Tree) -> None:
    assert published.load(tree) == Configuration()


def test_what_is_published_is_what_is_loaded_and_says_what_changed(tree: Tree) -> None:
    first, second = grow(tree, "one"), grow(tree, "two")
    assert (first.revision.number, second.revision.number) == (1, 2)
    assert second.configuration.change == "two: made"
    assert published.current(tree) == second
    assert os.listdir(tree.term_staging(1)) == []


def test_the_loser_of_a_race_is_told_and_the_winner_stands(tree: Tree) -> None:
    first = grow(tree, "one")
    winner = grow(tree, "winner")
    with pytest.raises(Conflict):
        grow(tree, "loser", first)
    assert published.current(tree) == winner


def test_who_may_not_publish_any_more_publishes_nothing(tree: Tree) -> None:
    def may_not() -> None:
        raise LockLost("gone")

    after = Configuration().with_groupnet(Groupnet(1, "one"))
    with pytest.raises(LockLost):
        publish(tree, tree.term_staging(1), published.current(tree), after, may_not)
    assert revisions.numbers(tree) == []


def test_what_does_not_fit_the_schema_is_not_published(tree: Tree) -> None:
    first = grow(tree, "one")
    [one] = first.configuration.groupnets
    bad = first.configuration.with_groupnet(replace(one, subnets=(Subnet(1, "g", "ipv4", 24, mtu=3),)))
    with pytest.raises(FormatError, match=r"subnet.*flx_config\.rng.*revision 2 line \d"):
        publish(tree, tree.term_staging(1), first, bad, may)
    assert published.current(tree) == first


def test_a_revision_that_says_it_is_another_is_an_error(tree: Tree) -> None:
    grow(tree, "one")
    os.rename(tree.revision(1), tree.revision(2))
    with pytest.raises(FormatError, match=r"it says that it is revision 1.*flx_config\.2\.xml"):
        published.load(tree)


# What was brought from an earlier release, or by a person.


def brought(tree: Tree, configuration: Configuration) -> bytes:
    data = flx_config.render(configuration)
    Path(tree.configuration).write_bytes(data)
    return data


@pytest.mark.parametrize("number", [1, 7, 64, 65, 1000])
def test_a_valid_one_that_was_brought_is_the_base_and_has_its_place_in_the_history(
    tree: Tree, number: int
) -> None:
    data = brought(tree, Configuration(revision=number).with_groupnet(Groupnet(1, "brought")))
    before = published.load(tree)
    assert [one.name for one in before.groupnets] == ["brought"]
    after = grow(tree, "more").configuration
    assert after.revision == number + 1
    assert revisions.numbers(tree) == [number, number + 1]
    assert Path(tree.revision(number)).read_bytes() == data
    assert published.load(tree) == after


def test_one_that_was_brought_as_revision_0_is_the_base_of_revision_1(tree: Tree) -> None:
    brought(tree, Configuration().with_groupnet(Groupnet(1, "brought")))
    grow(tree, "more")
    assert [one.name for one in published.load(tree).groupnets] == ["brought", "more"]
    assert revisions.numbers(tree) == [1]


def test_one_that_was_brought_and_changed_meanwhile_is_read_again(tree: Tree) -> None:
    brought(tree, Configuration(revision=3))
    before = published.current(tree)
    data = brought(tree, Configuration(revision=3).with_groupnet(Groupnet(1, "meanwhile")))
    with pytest.raises(Conflict, match="changed meanwhile"):
        grow(tree, "more", before)
    assert revisions.numbers(tree) == []
    assert Path(tree.configuration).read_bytes() == data


@pytest.mark.parametrize("data", [b"garbage", b"<flx_config/>", b"<?xml version='1.0'?>\n<flx_config x='1'>"])
def test_garbage_that_was_brought_is_never_touched(tree: Tree, data: bytes) -> None:
    Path(tree.configuration).write_bytes(data)
    with pytest.raises(FormatError, match=r"flx_config\.xml line \d"):
        published.load(tree)
    assert Path(tree.configuration).read_bytes() == data


def test_one_that_was_brought_and_does_not_fit_the_schema_is_no_base(tree: Tree) -> None:
    """Reading is laxer than the schema: only publishing finds the MTU."""
    subnet = Subnet(1, "subnet0", "ipv4", 24, mtu=3)
    data = brought(tree, Configuration(revision=3).with_groupnet(Groupnet(1, "g", subnets=(subnet,))))
    before = published.current(tree)
    fitting = before.configuration.with_groupnet(Groupnet(1, "g"))
    with pytest.raises(FormatError, match=r"subnet.*flx_config\.rng.*flx_config\.xml line \d"):
        publish(tree, tree.term_staging(1), before, fitting, may)
    assert revisions.numbers(tree) == []
    assert Path(tree.configuration).read_bytes() == data


def test_nothing_is_published_beside_the_work_of_a_newer_release(tree: Tree) -> None:
    grow(tree, "one")
    Path(tree.configuration).write_bytes(b'<flx_config schema="3"/>')
    with pytest.raises(NewerSchema, match="schema 3 is newer"):
        grow(tree, "two")
    assert revisions.numbers(tree) == [1]


# What a person does to revisions: they move, restore and edit them.


def edited(tree: Tree, revision: int) -> bytes:
    """Another groupnet's name in a revision that is published, as an editor writes it."""
    data = Path(tree.revision(revision)).read_bytes().replace(b'name="one"', b'name="mine"')
    Path(tree.revision(revision)).write_bytes(data)
    return data


def names(configuration: Configuration) -> list[str]:
    return [one.name for one in configuration.groupnets]


def test_who_follows_is_given_the_very_same_until_something_changes(tree: Tree) -> None:
    grow(tree, "one")
    following = published.Following(tree)
    first = following.look()
    assert following.look() is first
    second = grow(tree, "two")
    following.note(second)
    assert following.look() is second


def test_who_follows_sees_a_revision_that_was_edited(tree: Tree) -> None:
    grow(tree, "one")
    following = published.Following(tree)
    assert names(following.look().configuration) == ["one"]
    edited(tree, 1)
    assert names(following.look().configuration) == ["mine"]


def test_who_follows_sees_another_revision_of_the_same_number(tree: Tree) -> None:
    grow(tree, "one")
    following = published.Following(tree)
    following.look()
    os.unlink(tree.revision(1))
    grow(tree, "other")
    assert names(following.look().configuration) == ["other"]


def test_who_follows_stumbles_over_a_revision_that_was_spoilt(tree: Tree) -> None:
    """And over the one before it when that is moved away, until it is gone too."""
    grow(tree, "one")
    grow(tree, "two")
    following = published.Following(tree)
    following.look()
    Path(tree.revision(2)).write_bytes(b"junk")
    for _ in range(2):
        with pytest.raises(FormatError):
            following.look()
    os.unlink(tree.revision(2))
    assert names(following.look().configuration) == ["one"]


def test_nothing_is_published_in_the_place_of_what_was_edited_meanwhile(tree: Tree) -> None:
    before = grow(tree, "one")
    data = edited(tree, 1)
    with pytest.raises(Conflict, match="changed meanwhile"):
        grow(tree, "two", before)
    assert revisions.numbers(tree) == [1]
    assert Path(tree.revision(1)).read_bytes() == data
