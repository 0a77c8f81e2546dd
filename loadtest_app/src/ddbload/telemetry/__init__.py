# SPDX-License-Identifier: Apache-2.0
"""Live figures for a collector of OpenTelemetry, sent by a process of their own."""
