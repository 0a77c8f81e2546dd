# SPDX-License-Identifier: Apache-2.0
"""When operations are due: instants and their arithmetic, without I/O."""
