# SPDX-License-Identifier: Apache-2.0
"""How a run may end, as the process's exit code."""

from __future__ import annotations

PASSED = 0
INTERNAL = 1
BAD_CONFIGURATION = 2
THRESHOLD_FAILED = 3
LOST_WRITES = 4
TARGET_UNUSABLE = 5
STOPPED = 6

# What run.failed gives as its reason.
REASONS = {
    INTERNAL: "internal",
    BAD_CONFIGURATION: "bad_configuration",
    THRESHOLD_FAILED: "threshold_failed",
    LOST_WRITES: "lost_writes",
    TARGET_UNUSABLE: "target_unusable",
    STOPPED: "stopped",
}
# The most severe first: the exit code of a run whose tasks have different ones.
BY_SEVERITY = (INTERNAL, TARGET_UNUSABLE, BAD_CONFIGURATION, LOST_WRITES, STOPPED, THRESHOLD_FAILED)
# The verdict on a run that left a summary.
VERDICTS = {
    PASSED: "passed",
    INTERNAL: "incomplete",
    THRESHOLD_FAILED: "failed",
    LOST_WRITES: "failed",
    TARGET_UNUSABLE: "failed",
    STOPPED: "stopped",
}
