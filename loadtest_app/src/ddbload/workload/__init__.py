# SPDX-License-Identifier: Apache-2.0
"""What is sent: keys, items and their order, as functions of seed and number."""
