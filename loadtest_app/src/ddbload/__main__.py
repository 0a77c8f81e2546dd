# SPDX-License-Identifier: Apache-2.0
"""`python -m ddbload`."""

import sys

from ddbload.cli import main

sys.exit(main())
