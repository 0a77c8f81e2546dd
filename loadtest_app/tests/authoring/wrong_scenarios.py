# SPDX-License-Identifier: Apache-2.0
"""The wrong scenarios of the reader's own tests, and which of them no schema can know to be wrong."""

import math
from typing import Any, NamedTuple

from scenario import test_entries, test_plan, test_scenario

# Words of the problems that only several fields together, arithmetic or a file show; 1.0 is whole in JSON Schema.
BEYOND = (
    "at least the start",
    "at most the mean",
    "ends 35 s after the start",
    "got 1.0",
    "leave no put",
    "must not be below",
    "No such file",
    "one operation at least",
    "the mix has no operation",
    "weight above 0",
)


class Wrong(NamedTuple):
    """A scenario that the reader refuses, and whether a schema can know it."""

    document: dict[str, Any]
    is_beyond: bool


def wrong() -> list[Wrong]:
    """Return each wrong scenario that a test of the reader refuses."""
    found = _cases(test_scenario.test_a_problem_has_its_field_and_value)
    for section, test in {"mix": test_entries, "plan": test_plan}.items():
        found += [
            ({section: document}, words) for document, words in _cases(test.test_a_problem_has_its_field_and_value)
        ]
    together = _cases(test_scenario.test_contradictory_fields_are_named)
    lacking = _cases(test_entries.test_a_field_that_the_statement_lacks_is_named)
    together += [({"mix": document}, words) for document, words in lacking]
    known = [Wrong(document, any(part in words for part in BEYOND)) for document, words in found]
    return known + [Wrong(document, True) for document, _words in together]


def _cases(test: Any) -> list[tuple[Any, str]]:
    (mark,) = [mark for mark in test.pytestmark if mark.name == "parametrize"]
    return [(document, words) for document, _field, words in mark.args[1] if not _is_endless(document)]


def _is_endless(document: Any) -> bool:
    """Return whether a document holds infinity, which JSON does not have."""
    if isinstance(document, dict):
        return any(map(_is_endless, document.values()))
    return isinstance(document, float) and not math.isfinite(document)
