# SPDX-License-Identifier: Apache-2.0
"""Why a task does not take part in a run."""


class ControlError(Exception):
    """The control table cannot be used; the text says what, where and how to fix it."""


class NotStarted(Exception):
    """The task sends nothing; the text says why."""


class Surplus(Exception):
    """All indexes are taken: this task was launched once too often."""
