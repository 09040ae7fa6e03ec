"""What was seen, judged: each figure on both sides of its bound."""

import pytest

from isi_net.check import verdict
from isi_net.check.verdict import Verdict


def test_holds_that_never_overlap_are_ok() -> None:
    assert verdict.exclusion([], holds=900, overlaps=0, slowest=0.002).state == "ok"


@pytest.mark.parametrize(("wrong", "holds", "overlaps"), [(["h2 got it"], 900, 0), ([], 900, 1), ([], 0, 0)])
def test_one_overlap_or_no_hold_at_all_is_broken(wrong: list[str], holds: int, overlaps: int) -> None:
    found = verdict.exclusion(wrong, holds, overlaps, slowest=0.002)
    assert (found.check, found.state) == ("exclusion", "broken")
    assert found.todo


def test_a_lock_that_takes_seconds_is_slow() -> None:
    assert verdict.exclusion([], 10, 0, slowest=1.2).state == "slow"


def test_a_waiter_that_is_woken_is_ok_and_the_worst_handover_is_told() -> None:
    found = verdict.wake_up([0.002, 0.005], excluded=True)
    assert (found.state, found.measured, found.unit) == ("ok", 0.005, "s")
    assert "5.0 ms" in found.said


@pytest.mark.parametrize("took", [[0.002, None], [None], [], [0.002, 1.5]])
def test_a_waiter_that_is_not_woken_is_slow_for_the_daemon_polls_besides(took: list[float | None]) -> None:
    assert verdict.wake_up(took, excluded=True).state == "slow"


def test_waiting_tells_nothing_where_locks_do_not_exclude() -> None:
    assert verdict.wake_up([0.0001], excluded=False).state == "unknown"


@pytest.mark.parametrize(
    ("wins", "state"),
    [([[1, 3], [2]], "ok"), ([[1, 2], [2]], "broken"), ([[], []], "broken"), ([[1], []], "ok")],
)
def test_a_name_has_one_winner(wins: list[list[int]], state: str) -> None:
    assert verdict.link(wins).state == state


@pytest.mark.parametrize(
    ("reads", "repeated", "wrong", "slowest", "state"),
    [(9, 0, 0, 0.0, "ok"), (9, 5, 0, 1.2, "ok"), (9, 5, 0, 1.6, "slow"), (9, 0, 1, 0.0, "broken"),
     (0, 0, 0, 0.0, "broken")],
)  # fmt: skip
def test_stale_costs_time_and_half_is_broken(
    reads: int, repeated: int, wrong: int, slowest: float, state: str
) -> None:
    assert verdict.rename(reads, repeated, wrong, slowest).state == state


def test_what_is_never_seen_breaks_reading_but_only_slows_looking() -> None:
    """A daemon that is told nothing of a new report merges it late; one that cannot read it, never."""
    assert verdict.visibility([0.1, None]).state == "broken"
    assert verdict.attributes([0.1, None]).state == "slow"
    assert verdict.visibility([0.1, 1.6]).state == verdict.attributes([1.6]).state == "slow"
    assert verdict.visibility([0.1, 1.4]).state == verdict.attributes([1.4]).state == "ok"


def test_a_clock_an_hour_off_is_broken_and_named() -> None:
    found = verdict.clocks([("h2", 0.2, 0.01), ("h3", -3600.0, 0.01)])
    assert found.state == "broken"
    assert found.said.startswith("h3 is 3600.00 s behind: ")


def test_two_clocks_off_in_opposite_ways_are_as_far_apart_as_the_sum() -> None:
    assert verdict.clocks([("h2", 6.0, 0.01), ("h3", -6.0, 0.01)]).measured == 12.0


def test_what_may_be_the_error_of_measuring_is_not_held_against_a_clock() -> None:
    assert verdict.clocks([("h2", 10.4, 0.5)]).state == "ok"


def test_one_host_alone_is_not_sound_and_says_why() -> None:
    lines = verdict.alone({})
    assert [one.check for one in lines] == list(verdict.CHECKS)
    assert {one.state for one in lines} == {"unknown"}
    assert not verdict.is_sound(lines)


def test_one_host_alone_can_tell_what_does_not_work_at_all() -> None:
    [broken] = [one for one in verdict.alone({"link": "not supported"}) if one.state == "broken"]
    assert (broken.check, broken.said) == ("link", "not supported")


def test_slow_is_sound() -> None:
    assert verdict.is_sound([Verdict("a", "ok", ""), Verdict("b", "slow", "")])
    assert not verdict.is_sound([Verdict("a", "ok", ""), Verdict("b", "broken", "")])
