# SPDX-License-Identifier: Apache-2.0
"""The control table: how the tasks of one run share out indexes, start at one instant, and stop together."""
