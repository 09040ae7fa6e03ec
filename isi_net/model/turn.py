"""How a turn of a part of the daemon ended."""

from dataclasses import dataclass

from isi_net.model.finding import Finding


@dataclass(frozen=True, slots=True)
class Turn:
    """One sentence for the log, what a person should know, and whether to begin again at once."""

    sentence: str
    findings: tuple[Finding, ...] = ()
    again: bool = False
