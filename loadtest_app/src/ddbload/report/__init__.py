# SPDX-License-Identifier: Apache-2.0
"""Reports: they read a results file and nothing else."""
