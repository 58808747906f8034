"""From a question to a cited answer: steps b to m, for the bot and the command line alike."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog
from psycopg_pool import ConnectionPool

from indexer.audience import Audience
from indexer.embedding import Embedder
from indexer.neighbourhood import widen
from indexer.search import Hit, SearchOptions, SearchResult, search
from indexer.texts import storable
from inference.answers import Answer, Citation
from inference.citations import resolve_citations
from inference.errors import InferenceError, ModelAnswerError, QuestionError
from inference.extractive import MODEL_NAME, quote_answer
from inference.followups import is_new_topic, stand_alone
from inference.model import ChatModel
from inference.passages import Passage, cite, number_passages
from inference.prompt import UNKNOWN, answer_messages, fit_passages
from inference.relevance import answerable
from inference.summaries import summarise
from inference.threads import Thread, read_thread, write_thread
from inference.words import words

log = structlog.get_logger(__name__)

#: Characters; a question is a few lines, and a whole log belongs in a ticket.
LONGEST_QUESTION = 8000

#: Chunks of an answer (3 to 5), and how many of them one document may fill.
PASSAGES = 5
PER_DOCUMENT = 2

#: Tokens of what stands around the passages, for a model to read; all together.
AROUND = 1500

#: Links under an "I do not know".
NEAREST = 3

#: The whole first sentence; "I do not know why, but …" goes on with an answer.
_NOT_KNOWN = re.compile(r"\s*I do not know\s*(?:[.!]|$)", re.IGNORECASE)

Step = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class _Reply:
    """What is answered, and what was read for it."""

    text: str
    citations: tuple[Citation, ...]
    model: str
    passages: Sequence[Passage] = ()


class Assistant:
    """Answers questions from the index. Thread-safe; every call is a conversation step of its own."""

    def __init__(
        self,
        *,
        pool: ConnectionPool,
        embedder: Embedder,
        model: ChatModel | None,
        sources: Sequence[str] | None = None,
        options: SearchOptions | None = None,
    ) -> None:
        """``sources`` names the only ones to answer from; None is all that are indexed."""
        self._pool = pool
        self._sources = sources
        self._options = options or SearchOptions()
        self._embedder = embedder
        self._model = model

    def ask(
        self, question: str, *, thread: str | None, audience: Audience, on_step: Step | None = None
    ) -> Answer:
        """Answer a question from what the whole audience may read, in the context of a thread.

        Args:
            question: what the person wrote, without the mention.
            thread: the conversation's key, or None for a single question.
            audience: everybody who will see the answer.
            on_step: is told what is being done, in a few words for people.

        Raises:
            QuestionError: the question is empty or too long.
        """
        started = time.perf_counter()
        question = _checked(question)
        tell = on_step or (lambda _: None)
        context = read_thread(self._pool, thread, audience)
        new_topic = bool(context.summary) and is_new_topic(question, context.summary, self._embedder)
        if new_topic:
            context = Thread()
        searched = stand_alone(question, context.last_question)
        tell("Searching Confluence and Jira")
        found = self._search(searched, audience)
        answering = time.perf_counter()
        tell(f"Reading {_count(len(found.hits), 'passage')}")
        reply = self._answer(question, searched, context.summary, found.hits, audience)
        answered = time.perf_counter()
        summary = self._summary(context.summary, question, reply.text, reply.citations)
        known = reply.passages if reply.citations else ()
        remembered = Thread(
            summary=summary,
            last_question=searched,
            rule_ids=context.rule_ids.union(*(passage.hit.rule_ids for passage in known)),
            chunk_ids=context.chunk_ids.union(*(passage.chunk_ids for passage in known)),
        )
        write_thread(self._pool, thread, remembered)
        return Answer(
            text=reply.text,
            found=bool(reply.citations),
            citations=reply.citations,
            nearest=() if reply.citations else _nearest(found.hits),
            model=reply.model,
            summary=summary,
            new_topic=new_topic,
            timings_ms={
                **{f"search_{step}": value for step, value in found.timings_ms.items() if step != "total"},
                "search": found.timings_ms["total"],
                "answer": _milliseconds(answering, answered),
                "total": _milliseconds(started, time.perf_counter()),
            },
        )

    def _search(self, question: str, audience: Audience) -> SearchResult:
        return search(
            self._pool,
            self._embedder,
            question,
            audience=audience,
            limit=PASSAGES,
            per_document=PER_DOCUMENT,
            sources=self._sources,
            **vars(self._options),
        )

    def _summary(self, before: str, question: str, answer: str, citations: Sequence[Citation]) -> str:
        # Nothing was said that a model would have to put into its own words.
        model = self._model if citations else None
        return summarise(model, summary=before, question=question, answer=answer, citations=citations)

    def _answer(
        self, question: str, searched: str, summary: str, hits: Sequence[Hit], audience: Audience
    ) -> _Reply:
        passages = number_passages(hits)
        if not answerable(searched, hits):
            label = MODEL_NAME if self._model is None else self._model.label
            return _Reply(text=UNKNOWN, citations=(), model=label)
        if self._model is not None:
            try:
                return self._written(self._model, question, summary, passages, audience)
            except InferenceError as error:
                # The person still gets an answer, and it says that it quotes.
                log.warning("model_fell_back", reason=type(error).__name__)
        text, citations = resolve_citations(quote_answer(searched, passages, self._embedder), passages)
        return _Reply(
            text=text if citations else UNKNOWN, citations=citations, model=MODEL_NAME, passages=passages
        )

    def _written(
        self, model: ChatModel, question: str, summary: str, passages: Sequence[Passage], audience: Audience
    ) -> _Reply:
        def count(some: Sequence[Passage]) -> int:
            return model.count_tokens(answer_messages(question=question, summary=summary, passages=some))

        room = model.context_tokens - model.max_reply_tokens
        fitting = fit_passages(passages, room=room, count=count)
        wide = self._widened(fitting, room - count(fitting), audience)
        fitting = wide if count(wide) <= room else fitting
        reply = model.reply(answer_messages(question=question, summary=summary, passages=fitting))
        if _NOT_KNOWN.match(reply):
            return _Reply(text=UNKNOWN, citations=(), model=model.name)
        text, citations = resolve_citations(reply, fitting)
        if not citations:
            raise ModelAnswerError("The model's answer names no source.")
        return _Reply(text=text, citations=citations, model=model.name, passages=fitting)

    def _widened(self, passages: Sequence[Passage], spare: int, audience: Audience) -> list[Passage]:
        """The passages with what stands around them, within what is spare of the model's window.

        Counted by the embedder's tokeniser, because asking the model for each would take a call each; the two
        differ, so half is left free.
        """
        hits = [passage.hit for passage in passages]
        own = sum(self._embedder.count_tokens(hit.text) for hit in hits)
        room = own + min(AROUND, spare // 2)
        wide = widen(self._pool, hits, audience=audience, room=room, count=self._embedder.count_tokens)
        return [replace(passage, wide=each) for passage, each in zip(passages, wide, strict=True)]


def _checked(question: str) -> str:
    question = storable(question).strip()
    if not words(question):
        raise QuestionError("I need a question in words: tell me what you would like to know.")
    if len(question) > LONGEST_QUESTION:
        raise QuestionError(
            f"That is {len(question):,} characters long, and I read at most {LONGEST_QUESTION:,}: "
            "please ask in a few sentences."
        )
    return question


def _nearest(hits: Sequence[Hit]) -> tuple[Citation, ...]:
    by_document = {hit.document_id: hit for hit in reversed(hits)}
    best = [hit for hit in hits if by_document[hit.document_id] is hit][:NEAREST]
    return tuple(cite(hit, number) for number, hit in enumerate(best, start=1))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _milliseconds(since: float, until: float) -> float:
    return round((until - since) * 1000, 2)
