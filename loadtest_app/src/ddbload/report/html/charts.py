# SPDX-License-Identifier: Apache-2.0
"""What a chart shows: its lines with their units, as a document for the page's script and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ddbload.report.html.markup import Markup, element, render, table
from ddbload.report.words import number, rounded

# Colours by name, as the style sheet defines them for light and dark; operations take them in this order.
HUES = ("blue", "orange", "green", "purple", "teal", "red", "brown", "grey")


@dataclass
class Line:
    """A line of a chart: a name, a value for each x (None is a gap), a colour by name, and whether it is dashed."""

    label: str
    values: Sequence[float | None]
    hue: str
    is_dashed: bool = False

    def document(self) -> dict[str, Any]:
        """Return the line as the page's script takes it."""
        values = [rounded(value) for value in self.values]
        return {"label": self.label, "values": values, "hue": self.hue, "dashed": self.is_dashed}


@dataclass
class Chart:
    """A chart.

    Attributes:
        name: unique on the page; letters and hyphens.
        title: the chart's heading.
        unit: of the values, in words or as a symbol.
        note: an explanation of the chart.
        x: seconds from the load's start; of a `curve`, how many nines a percentile has (2 is 99 %).
        lines: the lines of the chart.
        kind: `lines`; `stack`, the lines on top of each other; `curve`, percentiles; or `heat`.
        is_logarithmic: whether the values' axis is.
        end: where the axis of x ends, if not with the last of them.
        marks: stretches to be shaded: from, to, what.
        cells: of a `heat`: the edges of its rows, and the counts row by row for each x.
        rows: a table instead of the one made of the lines: head and rows.
    """

    name: str
    title: str
    unit: str
    note: str
    x: Sequence[float]
    lines: Sequence[Line]
    kind: str = "lines"
    is_logarithmic: bool = False
    end: float | None = None
    marks: Sequence[tuple[float, float, str]] = ()
    cells: dict[str, Any] = field(default_factory=dict)
    rows: tuple[Sequence[str], Sequence[Sequence[str]]] | None = None

    def document(self) -> dict[str, Any]:
        """Return the chart as the page's script takes it."""
        return {
            "name": self.name,
            "title": self.title,
            "unit": self.unit,
            "x": [round(value, 3) for value in self.x],
            "lines": [line.document() for line in self.lines],
            "kind": self.kind,
            "end": self.x[-1] if self.end is None else self.end,
            "logarithmic": self.is_logarithmic,
            "marks": [{"from": start, "to": end, "label": label} for start, end, label in self.marks],
            "cells": self.cells,
        }

    def figure(self) -> Markup:
        """Return the chart's element of the page, with the same figures as a table."""
        head, rows = self.rows or self._table()
        figures = table(head, rows, caption=self.title)
        title = f"{self.title}, {self.unit}" if self.unit else self.title
        frame = element("div", class_="chart", id=f"chart-{self.name}", role="img", aria_label=self._said())
        return element(
            "figure",
            element("figcaption", element("h3", title), element("p", self.note)),
            frame,
            element("details", element("summary", "The figures as a table"), figures),
        )

    def _table(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        head = ["from second", *(line.label for line in self.lines)]
        columns = [line.values for line in self.lines]
        return head, [[f"{x:g}", *(number(column[at]) for column in columns)] for at, x in enumerate(self.x)]

    def _said(self) -> str:
        """Return a description of the chart for screen readers."""
        parts = []
        for line in self.lines:
            values = [value for value in line.values if value is not None]
            if values:
                parts.append(f"{line.label} from {number(min(values))} to {number(max(values))}")
        return f"{self.title}. " + "; ".join(parts) + ". The table below has the figures."


def figures(charts: Sequence[Chart]) -> Markup:
    """Return the elements of several charts."""
    return render([chart.figure() for chart in charts])
