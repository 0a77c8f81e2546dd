# SPDX-License-Identifier: Apache-2.0
"""After a run or a worker: verify and clean, and the items that a dead worker left."""
