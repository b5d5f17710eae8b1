"""What is found of each class, trait and hook of a configuration, and what it comes to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from msgspec import Struct

What = Literal["class", "trait", "hook", "resource"]
Verdict = Literal["acts", "adapter", "note", "ignored", "not yet", "unknown", "missing", "wrong"]

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
MEANING: dict[Verdict, str] = {
    "acts": "acts",
    "adapter": "acts, by the adapter for classes of JupyterHub's kind",
    "note": "acts, but look again",
    "ignored": "has no effect, for the reason given",
    "not yet": "has no effect: JupyterHub has it, and this hub does not",
    "unknown": "has no effect: nobody knows it",
    "missing": "is needed, and is not there",
    "wrong": "is refused",
}
KEEPS_FROM_STARTING: frozenset[Verdict] = frozenset({"missing", "wrong"})
LOST: frozenset[Verdict] = frozenset({"not yet", "unknown"})


class Finding(Struct, frozen=True):
    """`name`: as a configuration has it (`c.Spawner.cmd`). `where`: the file, with the line where it is known."""

    what: What
    name: str
    verdict: Verdict
    text: str = ""
    where: str = ""


class Report(Struct, frozen=True):
    """`trouble`: what else keeps a hub from starting, one line each."""

    findings: tuple[Finding, ...] = ()
    trouble: tuple[str, ...] = ()

    @property
    def starts(self) -> bool:
        """Whether a hub would, as far as can be told without starting one."""
        return not self.trouble and not self.of(*KEEPS_FROM_STARTING)

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it is lost on the hub besides."""
        return self.starts and not self.of(*LOST)

    def of(self, *verdicts: Verdict) -> list[Finding]:
        return [finding for finding in self.findings if finding.verdict in verdicts]

    def with_more(self, findings: Iterable[Finding], trouble: Iterable[str] = ()) -> Report:
        return Report((*self.findings, *findings), (*self.trouble, *trouble))
