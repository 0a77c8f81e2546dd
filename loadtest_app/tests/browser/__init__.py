# SPDX-License-Identifier: Apache-2.0
"""A real browser, and what the pages are in it."""
