# SPDX-License-Identifier: Apache-2.0
"""What is found before anything is sent: missing permissions, too many workers, too few tasks, too many connections."""
