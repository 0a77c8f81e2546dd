# SPDX-License-Identifier: Apache-2.0
"""The loop that sends on time and counts."""
