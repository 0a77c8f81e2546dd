# SPDX-License-Identifier: Apache-2.0
"""Several processes of one machine that share a plan: their supervisor, and what passes between it and them."""
