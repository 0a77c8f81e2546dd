# SPDX-License-Identifier: Apache-2.0
"""What is wanted: the scenario's document, its plan and its mix."""
