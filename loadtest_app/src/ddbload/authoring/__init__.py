# SPDX-License-Identifier: Apache-2.0
"""What helps to write scenarios and commands: the schema of a scenario, a first scenario, completion in a shell."""
