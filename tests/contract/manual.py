"""The manual as data: its mdoc(7) sources, read as they stand.

Of mdoc no more is understood than the pages use: sections, list items with what heads them, displays.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

HOUSE = Path(__file__).parents[2]


@dataclass
class Section:
    """A section (.Sh) or subsection (.Ss): its own lines, and its subsections by their headings."""

    lines: list[str] = field(default_factory=list)
    inside: dict[str, "Section"] = field(default_factory=dict)

    def all(self) -> list[str]:
        return self.lines + [text for one in self.inside.values() for text in one.all()]

    def says(self) -> str:
        """Its text on one line, in small letters, without macros' names."""
        return " ".join(re.sub(r"^\.[A-Z][a-z]+ ", "", text) for text in self.lines).lower()

    def items(self, macro: str) -> dict[str, str]:
        """Its list items headed by `macro` (`Fl`, `Sy` …), each with its body on one line.

        Items without a body of their own share the next one's.
        """
        heads: list[str] = []
        found: dict[str, str] = {}
        for text in self.all():
            if text.startswith(".It "):
                if all(found[head] for head in heads):
                    heads = []
                if text.startswith(f".It {macro} "):
                    heads.append(text.removeprefix(".It "))
                    found[heads[-1]] = ""
            elif text != ".Pp":
                for head in heads:
                    found[head] = f"{found[head]} {text}".strip()
        return found

    def words(self, macro: str) -> list[str]:
        """The words that head its items: `devid`, `lnn` and `node` of `.It Va devid , lnn , node`."""
        return [
            word
            for head in self.items(macro)
            for word in head.removeprefix(f"{macro} ").split(" Pq ")[0].split(" , ")
        ]


def read(page: Path) -> dict[str, Section]:
    """A page's sections by their headings."""
    sections: dict[str, Section] = {}
    section = Section()
    for text in page.read_text().splitlines():
        macro, _, rest = text.partition(" ")
        if macro == ".Sh":
            section = sections[rest] = Section()
        elif macro == ".Ss":
            subsection = next(reversed(sections.values())).inside[heading(rest)] = section = Section()
            assert subsection is section
        else:
            section.lines.append(text)
    return sections


def heading(text: str) -> str:
    """`isi_net dhcp lease show [INTERFACE]` of `isi_net dhcp lease show Op Ar INTERFACE`."""
    return re.sub(r"\bAr ", "", re.sub(r"\bOp Ar (\S+)", r"[\1]", text))


PAGES = {page.name: read(page) for page in sorted((HOUSE / "man").glob("isi_net*.[1-9]"))}
OVERVIEW = PAGES["isi_net.8"]


def plain(text: str) -> str:
    r"""A literal line as it is shown: `\e` is a backslash, `\&` is nothing."""
    return text.replace(r"\&", "").replace(r"\e", "\\")


def literal_blocks(section: Section) -> list[str]:
    """The displays (.Bd -literal) of a section, as they are shown."""
    text = "\n".join(section.all()) + "\n"
    return [plain(found) for found in re.findall(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed$", text, re.MULTILINE)]
