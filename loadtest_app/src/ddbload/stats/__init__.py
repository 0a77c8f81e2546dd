# SPDX-License-Identifier: Apache-2.0
"""Bare statistics: histograms, their files, resampling, metrics."""
