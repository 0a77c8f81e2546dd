# SPDX-License-Identifier: Apache-2.0
"""ddbload: an open-model load tester for DynamoDB with honest numbers."""

__version__ = "0.1.0"
