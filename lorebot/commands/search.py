"""``lorebot search``: what retrieval finds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from indexer.ranking import Strategy
from lorebot.commands.common import As, Config, Json, Verbose, audience, console, print_json, start

if TYPE_CHECKING:
    from indexer.search import Hit, SearchResult


def search(
    question: Annotated[str, typer.Argument(metavar="Q", help="What to look for.")],
    email: As = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="Passages to show.")] = 10,
    source: Annotated[str | None, typer.Option(help="Search this source alone.")] = None,
    strategy: Annotated[
        Strategy | None, typer.Option(help="How rankings are put together; as configured.")
    ] = None,
    as_json: Json = False,
    config: Config = None,
    verbose: Verbose = False,
) -> None:
    """Show what retrieval finds for a question, best first."""
    settings = start(config, verbose=verbose)
    from indexer.search import search as find
    from lorebot.wiring import configured_sources, find_sources, open_services, search_options

    sources = [find_sources(settings, source)[0].name] if source else configured_sources(settings)
    options = search_options(settings)
    with open_services(settings) as services:
        result = find(
            services.pool,
            services.embedder,
            question,
            audience=audience(email),
            limit=limit,
            sources=sources,
            **vars(replace(options, strategy=strategy or options.strategy)),
        )
    if as_json:
        print_json({"hits": [_hit(hit) for hit in result.hits], "timings_ms": result.timings_ms})
    else:
        _show(result)


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "document_id": hit.document_id,
        "external_id": hit.external_id,
        "title": hit.title,
        "url": hit.url,
        "kind": hit.kind,
        "score": round(hit.score, 6),
        "text": hit.text,
    }


def _show(result: SearchResult) -> None:
    from rich.markup import escape

    out = console()
    if not result.hits:
        out.print("Nothing found.")
    for number, hit in enumerate(result.hits, start=1):
        place = " › ".join(part for part in (hit.place, hit.heading) if part)
        out.print(
            f"[bold]{number}. {escape(hit.external_id)} {escape(hit.title)}[/bold]  [dim]{escape(place)}[/dim]"
        )
        out.print(
            f"   [blue]{escape(hit.url)}[/blue]  [dim]{hit.kind}, score {hit.score:.3f}[/dim]", soft_wrap=True
        )
        out.print(f"   {escape(' '.join(hit.text.split())[:220])}\n", highlight=False)
    out.print(f"[dim]{result.timings_ms['total']:.0f} ms[/dim]")
