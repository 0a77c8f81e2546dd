# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host names of the embedded AWS: who sees which, what Route 53's records lead to, and hosts files."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from embedded_aws.names.hosts_file import HostsFile, content
from embedded_aws.names.records import addresses
from embedded_aws.names.registry import Names
from hypothesis import given
from hypothesis import strategies as st

RED, BLUE = "arn:aws:servicediscovery:us-east-1:0:namespace/ns-red", "arn:aws:servicediscovery:us-east-1:0:namespace/b"
NAME = st.from_regex(r"[a-z][a-z0-9-]{0,10}(\.[a-z]{1,5})?", fullmatch=True)
ADDRESS = st.integers(1, 254).map(lambda number: f"127.255.0.{number}")


def test_a_namespace_sees_its_own_names_alone() -> None:
    names = Names()
    names.publish("connect", {"server": "127.255.0.1"}, RED)
    names.publish("connect", {"server": "127.255.0.2", "Other": "127.255.0.3"}, BLUE)
    names.publish("databases", {"db.example.com.": "127.79.0.1", "server": "127.79.0.2"})
    everywhere = {"db.example.com": "127.79.0.1", "server": "127.79.0.2"}
    assert names.visible() == everywhere
    assert names.visible(RED) == everywhere | {"server": "127.255.0.1"}
    assert names.visible(BLUE) == everywhere | {"server": "127.255.0.2", "other": "127.255.0.3"}
    assert names.visible(RED, without="databases") == {"server": "127.255.0.1"}
    assert names.scopes("connect") == {RED, BLUE}


def test_a_later_publication_replaces_the_earlier_one() -> None:
    names = Names()
    names.publish("databases", {"a": "127.79.0.1", "b": "127.79.0.2"})
    names.publish("databases", {"b": "127.79.0.3"})
    assert names.visible() == {"b": "127.79.0.3"}
    names.publish("databases", {})
    assert (names.visible(), names.scopes("databases")) == ({}, set())


def alias(name: str, target: str) -> dict[str, Any]:
    return {"Name": name, "Type": "A", "AliasTarget": {"DNSName": target}}


def record(name: str, kind: str, *values: str) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "ResourceRecords": list(values)}


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([alias("app.example.com.", "127.78.1.1.")], {"app.example.com": "127.78.1.1"}),
        ([alias("app.example.com.", "dualstack.127.78.1.1.")], {"app.example.com": "127.78.1.1"}),
        ([record("App.example.com.", "A", "127.0.0.1", "127.0.0.2")], {"app.example.com": "127.0.0.1"}),
        ([record("db.example.com.", "CNAME", "cluster.rds.")], {"db.example.com": "127.79.0.1"}),
        (
            [record("a.", "CNAME", "b"), alias("b.", "c."), record("c.", "A", "127.0.0.9")],
            dict.fromkeys(("a", "b", "c"), "127.0.0.9"),
        ),
        ([record("a.", "CNAME", "b."), record("b.", "CNAME", "a.")], {}),
        ([alias("app.example.com.", "elsewhere.example.org.")], {}),
        ([record(r"\052.example.com.", "A", "127.0.0.1"), record("*.example.com.", "A", "127.0.0.1")], {}),
        ([record("example.com.", "NS", "127.0.0.1"), record("example.com.", "TXT", "127.0.0.1")], {}),
        ([{"Name": "a.", "Type": "A", "ResourceRecords": []}], {}),
    ],
)
def test_records_lead_to_addresses(records: list[dict[str, Any]], expected: dict[str, str]) -> None:
    assert addresses(records, {"cluster.rds": "127.79.0.1"}) == expected


def test_a_hosts_file_keeps_the_other_names_of_the_machine() -> None:
    """``localhost`` is the task's address alone, and a name of the embedded AWS hides the machine's."""
    machine = "127.0.0.1\tlocalhost me  # comment\n::1 localhost ip6-localhost\n\n10.0.0.1 server\n# all\nbroken\n"
    assert content(machine, {"server": "127.255.0.1", "a": "127.255.0.2"}, "127.77.0.1") == (
        "127.77.0.1 localhost\n127.255.0.2 a\n127.255.0.1 server\n127.0.0.1 me\n::1 ip6-localhost\n"
    )


@given(names=st.dictionaries(NAME, ADDRESS, max_size=6))
def test_each_name_has_one_line_in_a_hosts_file(names: dict[str, str]) -> None:
    names.pop("localhost", None)
    lines = [line.split() for line in content("127.0.0.1 localhost\n", names, "127.77.0.1").splitlines()]
    assert {name: address for address, *known in lines for name in known} == names | {"localhost": "127.77.0.1"}
    assert len(lines) == len(names) + 1


def test_a_hosts_file_changes_in_place_and_is_never_empty(tmp_path: Path) -> None:
    """A mounted file stays with its inode, and a reader at any moment finds one of the contents."""
    path, ended = tmp_path / "hosts", threading.Event()
    file = HostsFile(path)
    file.write("long content\n")
    inode, found = path.stat().st_ino, set()

    def read() -> None:
        while not ended.is_set():
            found.add(path.read_text().rstrip("\n"))

    reader = threading.Thread(target=read)
    reader.start()
    for _time in range(200):
        file.write("short\n")
        file.write("long content\n")
    ended.set()
    reader.join()
    assert path.stat().st_ino == inode
    assert found <= {"short", "long content"}
    file.write("short\n")
    assert path.read_text().split() == ["short"]
    file.remove()
    assert not path.exists()
