"""The most memory that the processes held: after indexing the sample company and answering in Slack."""

from __future__ import annotations

from company import running_company
from figures import Figure
from processes import peak_memory

#: Answers between indexing and looking.
ANSWERS = 20


def measure(repeats: int) -> list[Figure]:
    """One company; a peak is no matter of repeats."""
    with running_company() as company:
        indexed = peak_memory(company.serve)
        for question in company.questions[:ANSWERS]:
            company.people.ask(question)
        return [
            Figure(name="lorebot serve, after indexing", value=indexed, unit="MiB"),
            Figure(
                name=f"lorebot serve, after {ANSWERS} answers", value=peak_memory(company.serve), unit="MiB"
            ),
            Figure(name="the sandbox", value=peak_memory(company.sandbox), unit="MiB"),
        ]
