# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in of Oneshot as a task of the tests: each response names its revision, and a broken one exits at once."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from aiohttp import web

sys.path.insert(0, str(Path(__file__).parents[2] / "systems" / "oneshot" / "stand_in"))

from oneshot_stand_in.serve import Server, settings_of

HEADER = "X-Revision"
BROKEN_EXIT_CODE, BROKEN_LINE = 3, "cannot open the database"


class RevisionServer(Server):
    """The stand-in, with a header in each response."""

    def application(self) -> web.Application:
        """Return the application with its routes."""
        made = super().application()

        async def name(_request: web.Request, response: web.StreamResponse) -> None:
            response.headers[HEADER] = os.environ["REVISION"]

        made.on_response_prepare.append(name)
        return made


if __name__ == "__main__":
    if os.environ["REVISION"].startswith("broken"):
        print(f"oneshot-serve: {BROKEN_LINE}", flush=True)
        sys.exit(BROKEN_EXIT_CODE)
    asyncio.run(RevisionServer(settings_of(os.environ)).run())
