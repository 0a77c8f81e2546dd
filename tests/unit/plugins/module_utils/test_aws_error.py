# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal

import pytest
from ansible_collections.ddbload.aws.plugins.module_utils.aws_error import explain, is_transient
from ansible_collections.ddbload.aws.plugins.module_utils.interrupt import Interrupt
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "RunTask")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refusal("ClusterNotFoundException", "Cluster not found."), "deploy the cluster"),
        (refusal("ClientException", "Unable to describe task definition."), "deploy the task definition"),
        (refusal("AccessDeniedException", "User: u is not authorized to perform: ecs:RunTask"), "ecs:RunTask"),
        (refusal("ExpiredTokenException", "The security token is expired"), "log in again"),
        (NoCredentialsError(), "AWS_PROFILE"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), "endpoint_url"),
    ],
)
def test_errors_say_what_where_and_how_to_mend_it(error: Exception, words: str) -> None:
    line = explain(error, "cannot run t on cluster c", "region r")
    assert line.startswith("cannot run t on cluster c (region r): ") and words in line and "\n" not in line


def test_only_connections_are_transient() -> None:
    assert is_transient(EndpointConnectionError(endpoint_url="x"))
    assert not is_transient(refusal("AccessDeniedException", "no"))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_noted_and_handlers_come_back(signum: signal.Signals) -> None:
    before = signal.getsignal(signum)
    with Interrupt() as interrupt:
        assert not interrupt
        os.kill(os.getpid(), signum)
        assert interrupt and interrupt.name == signum.name
    assert signal.getsignal(signum) is before
