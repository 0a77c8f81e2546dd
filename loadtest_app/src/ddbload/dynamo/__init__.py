# SPDX-License-Identifier: Apache-2.0
"""The wire client of DynamoDB: signing, HTTP/1.1, requests, answers."""
