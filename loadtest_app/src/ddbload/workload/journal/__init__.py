# SPDX-License-Identifier: Apache-2.0
"""Which writes were acknowledged, and what the table may therefore hold."""
