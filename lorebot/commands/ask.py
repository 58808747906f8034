"""``lorebot ask``: an answer with citations, or a chat in the terminal."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lorebot.commands.common import As, Config, Json, Verbose, ago, audience, console, print_json, start

if TYPE_CHECKING:
    from rich.console import Console

    from indexer.audience import Audience
    from inference.answers import Answer, Citation
    from inference.assistant import Assistant


def ask(
    question: Annotated[
        str | None, typer.Argument(metavar="Q", help="The question; without one, a chat begins.")
    ] = None,
    email: As = None,
    thread: Annotated[str | None, typer.Option(help="The conversation; the same name continues it.")] = None,
    as_json: Json = False,
    config: Config = None,
    verbose: Verbose = False,
) -> None:
    """Answer a question from the index, with citations."""
    settings = start(config, verbose=verbose)
    from lorebot.wiring import build_assistant, open_services

    if question is None and as_json:
        raise typer.BadParameter("--json needs a question.")
    with open_services(settings) as services:
        assistant = build_assistant(services)
        # Of the reader too: what one may read must not colour what another is told.
        key = f"cli:{(email or '').lower()}:{thread}" if thread else None
        if question is None:
            _chat(assistant, key or f"cli:{secrets.token_hex(8)}", audience(email))
            return
        answer = assistant.ask(question, thread=key, audience=audience(email))
    if as_json:
        print_json(_as_json(answer))
    else:
        _show(answer, console())


def _as_json(answer: Answer) -> dict[str, Any]:
    return {
        "answer": answer.text,
        "found": answer.found,
        "citations": [_citation(citation) for citation in answer.citations],
        "model": answer.model,
        "summary": answer.summary,
        "new_topic": answer.new_topic,
        "timings_ms": answer.timings_ms,
    }


def _citation(citation: Citation) -> dict[str, Any]:
    return {
        "number": citation.number,
        "title": citation.title,
        "url": citation.url,
        "external_id": citation.external_id,
        "kind": citation.kind,
    }


def _chat(assistant: Assistant, thread: str, readers: Audience) -> None:
    from inference.errors import QuestionError

    out = console()
    out.print("Ask a question; an empty line or Ctrl-D ends the chat.", style="dim")
    while True:
        try:
            question = out.input("[bold]> [/bold]").strip()
        except EOFError:
            return
        if not question:
            return
        try:
            with out.status("Searching…"):
                answer = assistant.ask(question, thread=thread, audience=readers)
        except QuestionError as error:
            out.print(str(error))
        else:
            _show(answer, out)


def _show(answer: Answer, out: Console) -> None:
    from rich.markdown import Markdown
    from rich.markup import escape

    if answer.new_topic:
        out.print("New topic: I set the conversation so far aside.", style="dim")
    out.print(Markdown(answer.text))
    sources = answer.citations or answer.nearest
    if sources:
        out.print("\n[bold]Sources[/bold]" if answer.found else "\n[bold]The nearest that I found[/bold]")
    for citation in sources:
        where = " › ".join(part for part in (citation.place, citation.heading) if part)
        out.print(
            f" {escape(f'[{citation.number}]')} {escape(citation.title)}  [dim]{escape(where)}, "
            f"updated {ago(citation.updated)}[/dim]\n     [blue]{escape(citation.url)}[/blue]",
            soft_wrap=True,
        )
    how = "quoted from the sources, " if answer.model == "extractive" else f"written by {answer.model}, "
    out.print(f"\n[dim]{how if answer.found else ''}{answer.timings_ms['total']:.0f} ms[/dim]")
