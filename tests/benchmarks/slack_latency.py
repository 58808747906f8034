"""How long a person in Slack waits for the first sign of life, and for the answer."""

from __future__ import annotations

from company import running_company
from figures import Figure, percentiles
from people import DIRECT

#: Questions, one after another.
QUESTIONS = 20

#: A channel of the sample company in which nearly everybody reads along.
_CHANNEL = "general"


def measure(repeats: int) -> list[Figure]:
    """Ask directly and in a channel; repeats would only add questions."""
    figures: list[Figure] = []
    with running_company() as company:
        # The first answer of a process loads what the others find there.
        company.people.ask(company.questions[-1])
        for place in (DIRECT, _CHANNEL):
            name = "direct" if place == DIRECT else "channel"
            asked = company.questions[:QUESTIONS]
            reactions = [company.people.ask(question, channel=place) for question in asked]
            figures += percentiles(
                f"{name}, first sign", [1000 * each.first_sign for each in reactions], "ms"
            )
            figures += percentiles(f"{name}, answer", [1000 * each.answer for each in reactions], "ms")
            cited = sum(reaction.cited for reaction in reactions)
            figures.append(Figure(name=f"{name}, cited of {len(asked)}", value=cited, unit=""))
    return figures
