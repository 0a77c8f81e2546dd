# SPDX-License-Identifier: Apache-2.0
"""The commands that show results: report and compare."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ddbload.report.text import console
from ddbload.report.text import run as terminal
from ddbload.results import file
from ddbload.results.exit_codes import THRESHOLD_FAILED

# What -- of compare is to the parser.
GROUP = "--group"


def add(commands: Any) -> None:
    """Add the commands to a parser's subparsers."""
    report = commands.add_parser("report", help="show a results file as a table, or write it as a page or as JUnit XML")
    report.add_argument("results", type=Path, help="results file")
    _add_output(report, "threshold")
    report.set_defaults(command=_report)

    compare = commands.add_parser(
        "compare",
        help="say whether runs were better or worse than a baseline",
        epilog="exit codes: 0 no run is worse, 2 they cannot be compared, 3 one is worse",
    )
    compare.usage = f"{compare.prog} [options] BASELINE RUN... | BASELINE... -- RUN..."
    compare.add_argument(
        "results",
        nargs="+",
        type=Path,
        help="results files: a baseline and the runs to compare with it one by one; or baselines, --, and the runs to "
        "compare with them as a group, by how much whole runs differ",
    )
    compare.add_argument(GROUP, dest="group", action="append", nargs="*", type=Path, help=argparse.SUPPRESS)
    compare.add_argument(
        "--tolerance",
        type=_percent,
        default=5.0,
        metavar="PERCENT",
        help="times and rates that differ by no more are the same (5)",
    )
    _add_output(compare, "figure")
    compare.set_defaults(command=_compare)


def divided(arguments: Sequence[str]) -> list[str]:
    """Return a command line with -- of compare as an option, so that options may follow the group of runs."""
    return [GROUP if text == "--" and arguments[0] == "compare" else text for text in arguments]


def _add_output(parser: argparse.ArgumentParser, judged: str) -> None:
    parser.add_argument("--html", type=Path, metavar="FILE", help="page to write, with charts; one file, no network")
    parser.add_argument("--junit", type=Path, metavar="FILE", help=f"JUnit XML to write, for CI: one case a {judged}")
    parser.add_argument(
        "--colour",
        choices=console.MODES,
        default="auto",
        help="whether to write in colours; auto: on a terminal, unless NO_COLOR is set (auto)",
    )


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < 1000.0:
        raise argparse.ArgumentTypeError(f'must be a number from 0 to 1000, got "{text}"')
    return value


def _report(options: argparse.Namespace) -> int:
    loaded = file.load(options.results)
    with _written_by_ddbload(options.results):
        text = terminal.render(loaded, console.blocks(sys.stdout))
        if options.html:
            from ddbload.report.html import run_page  # only pages need it

            _save_page(options.html, run_page.render(loaded))
        if options.junit:
            from ddbload.report import junit  # only CI needs it

            _save_page(options.junit, junit.render(loaded))
    _show(text, terminal.colour, options.colour)
    return 0


def _compare(options: argparse.Namespace) -> int:
    from ddbload.report.html import comparison_page
    from ddbload.report.text import comparison as comparison_text
    from ddbload.results.comparing import comparison, groups, samples  # the other commands do not need them

    first, second = _sides(options)
    runs = [file.load(path) for path in (*first, *second)]
    with _written_by_ddbload(*first, *second):
        try:
            if options.group:
                found = [groups.compare(runs[: len(first)], runs[len(first) :], options.tolerance)]
            else:
                found = [comparison.compare(runs[0], run, options.tolerance) for run in runs[1:]]
        except samples.SampleError as error:
            raise file.ResultsError(str(error)) from error
        text = comparison_text.render(found)
        if options.html:
            _save_page(options.html, comparison_page.render(found, runs))
        if options.junit:
            from ddbload.report import junit  # only CI needs it

            _save_page(options.junit, junit.render_comparisons(found))
    _show(text, comparison_text.colour, options.colour)
    return THRESHOLD_FAILED if any(one.verdict == comparison.WORSE for one in found) else 0


def _sides(options: argparse.Namespace) -> tuple[list[Path], list[Path]]:
    """Return the files of the baselines and of the runs.

    Raises:
        ResultsError: the command line has not two sides.
    """
    if not options.group and len(options.results) < 2:
        raise file.ResultsError(f"compare has {options.results[0]} and no run -> name the runs after the baseline")
    if options.group and (len(options.group) > 1 or not options.group[0]):
        problem = "more than one --" if len(options.group) > 1 else "no run after --"
        raise file.ResultsError(f"compare has {problem} -> name the baselines before -- and the runs after it")
    return (options.results, options.group[0]) if options.group else (options.results[:1], options.results[1:])


@contextmanager
def _written_by_ddbload(*paths: Path) -> Iterator[None]:
    """Refuse files with fields that ddbload does not write, for example in the scenario."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise file.ResultsError(
            f"{', '.join(map(str, paths))} cannot be shown ({type(error).__name__}: {error}): create it again "
            "with ddbload merge"
        ) from error


def _show(text: str, colour: Callable[[str], str], mode: str) -> None:
    print(colour(text) if console.is_coloured(mode, sys.stdout) else text)


def _save_page(path: Path, text: str) -> None:
    from ddbload.report.html import page

    try:
        page.save(path, text)
    except OSError as error:
        raise file.ResultsError(f"cannot write {path}: {error.strerror}") from error
