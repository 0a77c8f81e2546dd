# SPDX-License-Identifier: Apache-2.0
"""The send loop and its counters."""
