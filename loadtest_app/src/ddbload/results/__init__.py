# SPDX-License-Identifier: Apache-2.0
"""What a run left: events, the merged figures, their judgement and their comparison."""
