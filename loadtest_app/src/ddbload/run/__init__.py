# SPDX-License-Identifier: Apache-2.0
"""One run in one task: its parts put together, its cost, its progress and its end."""
