# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MiniStack with the extension, to be served by a test."""

from embedded_aws.extension import extension

extension.install()
extension.install()  # a second one changes nothing

from embedded_aws.extension import clock  # noqa: E402
from ministack.app import app  # noqa: E402

clock.start()

__all__ = ["app"]
