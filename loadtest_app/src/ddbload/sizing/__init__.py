# SPDX-License-Identifier: Apache-2.0
"""How large a run has to be: processes and connections of a task, and tasks of a plan."""
