# SPDX-License-Identifier: Apache-2.0
"""What a run costs: the estimate before it, the bill after it, and the ceiling that ends it."""
