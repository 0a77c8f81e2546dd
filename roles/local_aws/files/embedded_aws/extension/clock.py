# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens by itself in the embedded AWS, once a moment."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from embedded_aws.extension.autoscaling import scaler
from embedded_aws.extension.metrics import alarm_evaluation, values
from embedded_aws.extension.services import scheduler
from embedded_aws.extension.tasks import health_checks

PERIOD_S = 0.5
# In the order of the data: what runs, what is measured, what is wrong, what is wanted.
looks: list[Callable[[], None]] = [health_checks.look, scheduler.look, values.look, alarm_evaluation.look, scaler.look]
_logger = logging.getLogger("embedded_aws")


def start() -> None:
    """Start the clock, which runs for as long as the process does."""
    threading.Thread(target=_run, name="embedded-aws-clock", daemon=True).start()


def _run() -> None:
    while True:
        time.sleep(PERIOD_S)
        for look in looks:
            try:
                look()
            except Exception:  # or the clock would stand still for all that comes after
                _logger.exception("The clock of the embedded AWS: %s failed", look.__module__)
