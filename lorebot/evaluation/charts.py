"""The report's plots as inline SVG: no script, no font, no file beside it.

Every plot is drawn 400 units wide, so that its words stay readable on a phone. Colours are roles that the page's style
sheet fills in for light and dark: of twelve strategies two are in question, and twelve colours would hide them. What
a plot shows is also said in its ``<title>``, and its figures are in the page's tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

WIDTH = 400

#: Whose figures something shows; a class of the style sheet.
Role = Literal["main", "rival", "other"]


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A value with its interval."""

    label: str
    value: float
    low: float
    high: float
    role: Role


@dataclass(frozen=True, kw_only=True)
class Line:
    """A curve over 1, 2, 3, …"""

    values: NDArray[np.float64]
    role: Role


def bar_chart(title: str, bars: Sequence[Bar]) -> Markup:
    """Horizontal bars from 0 with their intervals, the value behind each."""
    left, right, step = 118, 352, 26
    height = step * len(bars) + 22
    top = _axis_end(max((bar.high for bar in bars), default=1.0))
    x = _scale(0, top, left, right)
    ticks = np.arange(0, top + 0.01, 0.2 if top > 0.4 else 0.1)
    parts = [_vertical(x(tick), 0, height - 20, f"{tick:.1f}") for tick in ticks]
    for row, bar in enumerate(bars):
        middle = step * row + step / 2
        parts += [
            _text(left - 8, middle + 4, bar.label, anchor="end"),
            Markup('<rect class="{}" x="{}" y="{:.1f}" width="{:.1f}" height="14" rx="2"/>').format(
                bar.role, left, middle - 7, x(bar.value) - left
            ),
            Markup('<path class="whisker" d="M{0:.1f} {2:.1f}H{1:.1f}M{0:.1f} {3}v8M{1:.1f} {3}v8"/>').format(
                x(bar.low), x(bar.high), middle, middle - 4
            ),
            _text(WIDTH - 2, middle + 4, f"{bar.value:.3f}", anchor="end"),
        ]
    return _svg(title, height, parts)


def curve_chart(title: str, lines: Sequence[Line], *, of: str) -> Markup:
    """Lines over ranks on a logarithmic axis, from 0 to 1."""
    left, right, bottom, height = 34, 388, 210, 244
    longest = max((len(line.values) for line in lines), default=1)
    x = _scale(0, math.log(max(longest, 2)), left, right)
    y = _scale(0, 1, bottom, 10)
    parts = [_horizontal(left, right, y(tick), f"{tick:.1f}") for tick in (0, 0.2, 0.4, 0.6, 0.8, 1)]
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100) if tick <= longest]
    parts += [_text(x(math.log(tick)), bottom + 15, str(tick)) for tick in ticks]
    parts.append(_text((left + right) / 2, height - 3, of))
    for line in lines:
        points = " ".join(
            f"{x(math.log(rank)):.1f},{y(value):.1f}" for rank, value in enumerate(line.values, start=1)
        )
        parts.append(Markup('<polyline class="line {}" points="{}"/>').format(line.role, points))
    return _svg(title, height, parts)


def histogram(title: str, values: Sequence[float], *, marks: Mapping[str, float], of: str) -> Markup:
    """How often values fall into each of 30 steps, with named marks."""
    left, right, top, bottom, height = 34, 388, 30, 190, 224
    # A few stragglers would press all the others into one step; the last step holds them.
    end = _axis_end(max(float(np.percentile(values, 99)), *marks.values(), 1e-9))
    counts, edges = np.histogram(np.minimum(values, end), bins=30, range=(0, end))
    highest = int(counts.max())
    x, y = _scale(0, end, left, right), _scale(0, highest, bottom, top)
    parts = [
        _horizontal(left, right, y(tick), f"{tick}") for tick in sorted({0, round(highest / 2), highest})
    ]
    parts += [
        Markup('<rect class="main" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
            x(edge) + 0.5, y(count), x(edges[1]) - left - 1, bottom - y(count)
        )
        for edge, count in zip(edges, counts, strict=False)
        if count
    ]
    for row, (name, value) in enumerate(marks.items()):
        label = f"{name} {value:.3g}"
        near_end = value > 0.8 * end
        parts += [
            Markup('<path class="mark" d="M{0:.1f} {1}V{2}"/>').format(x(value), 12 + 14 * row, bottom),
            _text(
                x(value) + (-4 if near_end else 4),
                12 + 14 * row,
                label,
                anchor="end" if near_end else "start",
            ),
        ]
    parts += [_text(x(tick), bottom + 15, f"{tick:g}") for tick in np.linspace(0, end, 5)]
    parts.append(_text((left + right) / 2, height - 2, of))
    return _svg(title, height, parts)


def difference_chart(title: str, differences: NDArray[np.float64]) -> Markup:
    """One bar a question, sorted from the greatest gain to the greatest loss."""
    left, right, height = 34, 388, 220
    ordered = np.sort(differences)[::-1]
    y = _scale(-1, 1, height - 10, 10)
    step = (right - left) / max(len(ordered), 1)
    parts = [
        _horizontal(left, right, y(tick), f"{tick:+.1f}" if tick else "0") for tick in (1, 0.5, 0, -0.5, -1)
    ]
    for position, value in enumerate(ordered):
        if value:
            parts.append(
                Markup('<rect class="{}" x="{:.2f}" y="{:.1f}" width="{:.2f}" height="{:.1f}"/>').format(
                    "main" if value > 0 else "rival",
                    left + step * position,
                    min(y(value), y(0)),
                    max(step, 0.6),
                    abs(y(value) - y(0)),
                )
            )
    return _svg(title, height, parts)


def _axis_end(value: float) -> float:
    """The next of 1, 2, 4, 5, 6, 8 or 10 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(power * factor for factor in (1, 2, 4, 5, 6, 8, 10) if power * factor >= value * 0.999)


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """Maps a range of values to a range of the drawing."""
    return lambda value: start + (value - low) * (end - start) / ((high - low) or 1)


def _horizontal(left: float, right: float, y: float, label: str) -> Markup:
    grid = Markup('<path class="grid" d="M{} {:.1f}H{}"/>').format(left, y, right)
    return grid + _text(left - 5, y + 4, label, anchor="end")


def _vertical(x: float, top: float, bottom: float, label: str) -> Markup:
    return Markup('<path class="grid" d="M{:.1f} {}V{}"/>').format(x, top, bottom) + _text(
        x, bottom + 15, label
    )


def _text(x: float, y: float, words: str, *, anchor: str = "middle") -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(x, y, anchor, words)


def _svg(title: str, height: float, parts: Sequence[Markup]) -> Markup:
    return Markup('<svg viewBox="0 0 {} {:.0f}" role="img"><title>{}</title>{}</svg>').format(
        WIDTH, height, title, Markup("").join(parts)
    )
