# SPDX-License-Identifier: Apache-2.0
"""What DynamoDB returns: its JSON, its error codes and what an operation consumed."""
