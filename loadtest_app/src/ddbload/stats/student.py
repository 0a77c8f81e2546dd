# SPDX-License-Identifier: Apache-2.0
"""Student's t distribution, for intervals from few measurements."""

from __future__ import annotations

import math
import statistics
from functools import lru_cache

PANELS = 128
MOST_STEPS = 200


@lru_cache(maxsize=4096)
def quantile(probability: float, degrees: float) -> float:
    """Return a quantile of Student's t distribution.

    With t = sqrt(degrees) tan(angle), its density is a power of a cosine, which Simpson's rule integrates (Abramowitz
    and Stegun, Handbook of Mathematical Functions, 26.7, https://personal.math.ubc.ca/~cbm/aands/page_948.htm).

    Args:
        probability: above 0 and below 1.
        degrees: of freedom: a whole number from 1, or any number from 3.
    """
    if math.isinf(degrees):
        return statistics.NormalDist().inv_cdf(probability)
    if probability < 0.5:
        return -quantile(1.0 - probability, degrees)
    density = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(math.pi)
    wanted = (probability - 0.5) / density
    angle = 0.0
    for _step in range(MOST_STEPS):
        # The integral is concave: Newton's method never goes beyond the root.
        height = math.cos(angle) ** (degrees - 1)
        step = (wanted - _integral(angle, degrees)) / height
        angle += step
        if step < 1e-12:
            break
    return math.sqrt(degrees) * math.tan(angle)


def _integral(angle: float, degrees: float) -> float:
    """Return the integral of the cosine's power from 0 to an angle."""
    width = angle / PANELS
    heights: list[float] = [math.cos(number * width) ** (degrees - 1) for number in range(PANELS + 1)]
    return width / 3 * (heights[0] + 4 * sum(heights[1::2]) + 2 * sum(heights[2:-1:2]) + heights[-1])
