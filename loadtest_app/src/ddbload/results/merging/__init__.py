# SPDX-License-Identifier: Apache-2.0
"""What the merge of several workers' events needs."""
