"""What the records of several nouns have in common, as JSON has it and as people read it: times, findings,
ranges."""

from typing import TYPE_CHECKING

from isi_net.cli.output import Column, Record
from isi_net.formats import times

if TYPE_CHECKING:
    from isi_net.model.finding import Finding
    from isi_net.model.network import Range


def time_text(seconds: float | None) -> str | None:
    """RFC 3339 in UTC, in whole seconds; None, JSON's null, for never."""
    return None if seconds is None else times.render(int(seconds))


FINDINGS = (
    Column("severity", "Severity"),
    Column("code", "Code"),
    Column("place", "Place"),
    Column("message", "Message"),
    Column("action", "What To Do"),
)


def problem_record(problem: "Finding") -> Record:
    """A finding as JSON shows it."""
    return {
        "severity": problem.severity,
        "code": problem.code,
        "place": problem.place,
        "message": problem.message,
        "action": problem.action,
    }


def problem_lines(value: list[Record]) -> list[str]:
    """Findings as people read them, one a line, with what to do."""
    return [
        f"{one['place']}: {one['message']}" + (f"; {one['action']}" if one["action"] else "") for one in value
    ]


def range_record(one: "Range") -> Record:
    """A range as the API shows it."""
    return {"low": str(one.low), "high": str(one.high)}


def range_lines(value: list[Record]) -> list[str]:
    """Ranges as people write them: `10.1.1.5-10.1.1.9`."""
    return [f"{one['low']}-{one['high']}" for one in value]
