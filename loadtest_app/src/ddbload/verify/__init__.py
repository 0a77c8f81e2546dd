# SPDX-License-Identifier: Apache-2.0
"""After the load: what was acknowledged is read again, and what was written is deleted."""
