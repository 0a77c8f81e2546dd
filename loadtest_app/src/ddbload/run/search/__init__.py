# SPDX-License-Identifier: Apache-2.0
"""The search of a find_max: its trials, the votes of the workers on each, and where the votes come together."""
