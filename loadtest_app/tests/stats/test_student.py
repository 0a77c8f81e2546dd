# SPDX-License-Identifier: Apache-2.0
"""Student's t distribution, compared with printed tables and closed forms."""

import math
import statistics

import pytest
from ddbload.stats import student
from hypothesis import given
from hypothesis import strategies as st

probabilities = st.floats(0.001, 0.9999)


@pytest.mark.parametrize(
    ("probability", "degrees", "expected"),
    # Abramowitz and Stegun, table 26.10.
    [
        (0.975, 1, 12.706),
        (0.9995, 1, 636.619),
        (0.975, 2, 4.303),
        (0.995, 4, 4.604),
        (0.975, 5, 2.571),
        (0.975, 30, 2.042),
        (0.995, 10, 3.169),
        (0.9995, 10, 4.587),
        (0.975, 120, 1.980),
        (0.975, math.inf, 1.960),
    ],
)
def test_quantiles_are_those_of_the_tables(probability: float, degrees: float, expected: float) -> None:
    assert student.quantile(probability, degrees) == pytest.approx(expected, abs=0.0006)
    assert student.quantile(1 - probability, degrees) == pytest.approx(-expected, abs=0.0006)


@given(probabilities)
def test_one_and_two_degrees_have_closed_forms(probability: float) -> None:
    assert student.quantile(probability, 1) == pytest.approx(
        math.tan(math.pi * (probability - 0.5)), rel=1e-6, abs=1e-9
    )
    closed = (2 * probability - 1) / math.sqrt(2 * probability * (1 - probability))
    assert student.quantile(probability, 2) == pytest.approx(closed, rel=1e-6, abs=1e-9)


@given(st.floats(0.51, 0.9999), st.floats(3.0, 500.0))
def test_more_degrees_come_nearer_to_the_normal(probability: float, degrees: float) -> None:
    """More degrees of freedom have smaller quantiles, never below the normal distribution's."""
    normal = statistics.NormalDist().inv_cdf(probability)
    assert normal <= student.quantile(probability, 2 * degrees) < student.quantile(probability, degrees)
