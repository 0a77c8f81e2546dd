# SPDX-License-Identifier: Apache-2.0
"""A first scenario: asked for or given by options, valid, and never written over another file."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from authoring.test_schema import is_accepted
from ddbload import cli
from ddbload.authoring import answers, draft
from ddbload.scenario.load import document_of, load
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answering(monkeypatch: pytest.MonkeyPatch, *texts: str) -> list[str]:
    """Answer the questions by these texts, then end the input; returns the list that the questions come into."""
    asked: list[str] = []
    left = list(texts)

    def answer(question: str) -> str:
        asked.append(question)
        if not left:
            raise EOFError
        return left.pop(0)

    monkeypatch.setattr("builtins.input", answer)
    return asked


def written(name: str = "scenario.json") -> Any:
    return document_of(Path(name).read_text(encoding="utf-8"), name)


def test_three_questions_make_a_scenario(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked = answering(monkeypatch, "orders", "70/30", "500 for 5m")
    assert cli.main(["init"]) == 0
    assert len(asked) == 3
    found = written()
    assert found.pop("$schema").endswith("/docs/scenario.schema.json")
    assert found == {
        "table": "orders",
        "plan": {"type": "constant_rate", "rate": 500, "duration": 300},
        "mix": {"put": 3, "get": {"weight": 7, "keys": "uniform"}},
        "cleanup": True,
        "thresholds": ["failed == 0", "throttled < 0.1%", "lost == 0"],
    }
    shown = capsys.readouterr().out
    assert "scenario.json is written. Next:\n\n  ddbload validate --scenario scenario.json\n" in shown
    assert "make demo" not in shown
    assert cli.main(["validate", "--scenario", "scenario.json"]) == 0


def test_no_answer_takes_the_default(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answering(monkeypatch, "", " ", "")
    assert cli.main(["init"]) == 0
    by_answers = written()
    assert cli.main(["init", "--yes", "--output", "other.json"]) == 0
    assert written("other.json") == by_answers
    assert by_answers["table"] == "ddbload-local"
    assert 'eval "$(make env)"' in capsys.readouterr().out


def test_a_wrong_answer_is_asked_again(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked = answering(monkeypatch, "a b", "orders", "101", "70/40", "100", "fast", "5 for 1y", "5 for 2h")
    assert cli.main(["init"]) == 0
    assert len(asked) == 8
    assert written()["plan"] == {"type": "constant_rate", "rate": 5, "duration": 7200}
    assert 'must read like 500 for 5m, got "fast"' in capsys.readouterr().out


def test_options_answer_and_only_the_rest_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, "90")
    assert cli.main(["init", "--table", "orders", "--reads", "0", "--rate", "20"]) == 0
    assert asked == ["For how long? [60s] "]
    assert written()["plan"]["duration"] == 90
    assert written()["mix"] == {"put": 1}
    asked.clear()
    assert cli.main(["init", "--yes", "--duration", "5m", "--output", "other.json"]) == 0
    assert (asked, written("other.json")["plan"]) == ([], {"type": "constant_rate", "rate": 100, "duration": 300})


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--table=a b", "a table's name has 3 characters"),
        ("--reads=200", "from 0 to 100"),
        ("--rate=0", "above 0"),
        ("--rate=nan", "above 0"),
        ("--duration=0.5", "from one second to a week"),
        ("--duration=soon", "90s, 5m or 2h"),
    ],
)
def test_a_wrong_option_is_one_line(option: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["init", "--yes", option])
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not Path("scenario.json").exists()


def test_a_file_is_not_overwritten_without_being_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path("scenario.json")
    file.write_text("mine")
    for arguments, typed in ((["--yes"], []), ([], ["n"]), ([], [""])):
        answering(monkeypatch, *typed)
        assert cli.main(["init", *arguments]) == 2
        assert "scenario.json exists, and is left as it is -> name another file" in capsys.readouterr().err
        assert file.read_text() == "mine"
    answering(monkeypatch, "y", "", "", "")
    assert cli.main(["init"]) == 0
    assert written()["table"] == "ddbload-local"
    assert cli.main(["init", "--yes", "--force", "--table", "orders"]) == 0
    assert written()["table"] == "orders"


def test_a_link_to_nowhere_is_not_followed(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    Path("scenario.json").symlink_to("elsewhere.json")
    assert cli.main(["init", "--yes"]) == 2
    assert "left as it is" in capsys.readouterr().err
    assert not (folder / "elsewhere.json").exists()


@pytest.mark.parametrize(("output", "words"), [("none/a.json", "there is no folder none"), (".", "cannot write .")])
def test_what_cannot_be_written_is_one_line(output: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["init", "--yes", "--force", "--output", output]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_the_end_of_the_input_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answering(monkeypatch, "orders")
    assert cli.main(["init"]) == 2
    assert capsys.readouterr().err.strip().startswith("ddbload init: the input ended before the answer")
    assert not Path("scenario.json").exists()


def test_ctrl_c_on_a_terminal_ends_cleanly() -> None:
    """Ctrl-C at the second question ends the command in one line, with nothing written."""
    above, below = pty.openpty()
    command = [sys.executable, "-m", "ddbload", "init"]
    process = subprocess.Popen(
        command, stdin=below, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    os.close(below)
    os.write(above, b"orders\n")
    assert process.stdout
    shown, deadline = "", time.monotonic() + 30
    while "operations read" not in shown and time.monotonic() < deadline:
        shown += process.stdout.read(1)
    ended = None
    while ended is None and time.monotonic() < deadline:
        # One that arrives just before the read of the answer begins is noticed after it: a person presses again.
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            ended = process.communicate(timeout=2)
    os.close(above)
    assert ended, "it does not end"
    errors = ended[1]
    assert (process.returncode, errors.strip()) == (6, "ddbload init: stopped, nothing was written")
    assert not Path("scenario.json").exists()


def test_yaml_has_comments_and_the_address_of_the_schema() -> None:
    assert cli.main(["init", "--yes", "--output", "scenario.yml", "--reads", "25"]) == 0
    lines = Path("scenario.yml").read_text().splitlines()
    assert lines[0].startswith("# yaml-language-server: $schema=https://")
    assert sum(line.startswith("#") for line in lines) == 6
    assert cli.main(["init", "--yes", "--reads", "25"]) == 0
    in_json = written()
    del in_json["$schema"]
    assert written("scenario.yml") == in_json
    assert cli.main(["validate", "--scenario", "scenario.yml"]) == 0


def test_yaml_without_pyyaml_is_refused_and_not_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert cli.main(["init", "--yes", "--output", "scenario.yml"]) == 2
    assert "PyYAML is not installed here" in capsys.readouterr().err
    assert not Path("scenario.yml").exists()


@given(
    st.from_regex("[A-Za-z0-9_.-]{3,40}", fullmatch=True),
    st.integers(0, 100),
    st.floats(1, 10**6),
    st.floats(1, 604_800),
    st.booleans(),
)
def test_every_answer_makes_a_scenario(table: str, reads: int, rate: float, duration_s: float, is_yaml: bool) -> None:
    """Every answer makes a scenario that the reader and the schema accept."""
    given_answers = answers.Answers(table, reads, rate, duration_s)
    found = document_of(draft.text_of(given_answers, is_yaml), "scenario.yml" if is_yaml else "scenario.json")
    assert is_accepted(found)
    loaded = load(json.dumps(found), [], {})
    weights = {name: entry.weight for name, entry in loaded.mix.items()}
    assert weights.get("get", 0) * (100 - reads) == weights.get("put", 0) * reads
    assert loaded.table == table


@given(st.floats(1, 604_800) | st.integers(1, 604_800))
def test_times_are_read_in_each_unit(seconds: float) -> None:
    assert answers.seconds_of(f"{seconds:f}") == pytest.approx(seconds, abs=1e-5)
    minutes = f"{seconds / 60:.6f}m"
    assert answers.seconds_of(minutes) == pytest.approx(seconds, abs=1e-3)
