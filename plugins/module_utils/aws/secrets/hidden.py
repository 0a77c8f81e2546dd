# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a module that handles values of secrets: its result holds none of them.

Ansible masks a value of an option with no_log wherever its text occurs, also where it is the name of a resource: the
parameter ``admin`` with the value ``admin`` would lose its ARN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

# A shorter value, such as a name of a user, is the text of too much else; results hold no values anyway.
SHORTEST = 8
HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


class Ending:
    """Ends a module.

    Args:
        module: an AnsibleAWSModule.
        secret_options: names of options, also of suboptions, that hold values.
        public: texts that the result may hold, such as names.
    """

    def __init__(self, module: Any, secret_options: tuple[str, ...], public: tuple[str, ...] = ()) -> None:
        self._module, self._options, self._public = module, secret_options, public
        known = module._module.no_log_values
        module._module.no_log_values = {each for each in known if self._is_masked(each)}

    def hide(self, value: str) -> None:
        """Mask a value in the result, whatever puts it there."""
        if self._is_masked(value):
            self._module._module.no_log_values.add(value)

    def succeed(self, **result: Any) -> NoReturn:
        """End the module with a result."""
        self._module.exit_json(**result, invocation=self._invocation)
        raise SystemExit

    def fail(self, line: str) -> NoReturn:
        """End the module with a message of one line."""
        self._module.fail_json(msg=line, invocation=self._invocation)
        raise SystemExit

    @property
    def _invocation(self) -> dict[str, Any]:
        return {"module_args": self._without_values(self._module.params)}

    def _without_values(self, part: Any) -> Any:
        if isinstance(part, Mapping):
            return {
                key: HIDDEN if key in self._options and value is not None else self._without_values(value)
                for key, value in part.items()
            }
        return [self._without_values(each) for each in part] if isinstance(part, list) else part

    def _is_masked(self, value: str) -> bool:
        return len(value) >= SHORTEST and not any(value in text for text in self._public)
