# SPDX-License-Identifier: Apache-2.0
"""After the load: reads acknowledged writes again, and deletes the run's items."""
