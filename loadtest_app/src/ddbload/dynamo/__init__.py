# SPDX-License-Identifier: Apache-2.0
"""The client of DynamoDB: signing, HTTP/1.1, requests, responses."""
