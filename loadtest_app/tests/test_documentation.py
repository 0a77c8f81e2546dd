# SPDX-License-Identifier: Apache-2.0
"""The documentation agrees with the code: the output of a real run, the fields of a scenario, and the examples."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from command import ENVIRONMENT, constant, killed, rule
from ddbload import cli
from ddbload.results import exit_codes, file, merge
from ddbload.scenario import entries, plan, reader, scenario, thresholds
from server import Server

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs" / "figures.md"
SCENARIO = ROOT / "docs" / "scenario.md"
README = ROOT / "loadtest_app" / "README.md"
# The command, with checkpoints each second.
COMMAND = (
    "import sys; from ddbload.run import reporter; reporter.CHECKPOINT_S = 1; "
    "from ddbload.cli import main; sys.exit(main())"
)

TABLE = {
    "TableName": "test-table",
    "BillingMode": "PROVISIONED",
    "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 7},
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "N"},
        {"AttributeName": "colour", "AttributeType": "S"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-colour",
            "KeySchema": [{"AttributeName": "colour", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}
DENIED = {"error": {"type": "AccessDeniedException"}}
EVERYTHING = {
    "plan": {"rate": 300, "duration": 1.2},
    "mix": {
        "put": 4,
        "get": 1,
        "batch_write": {"weight": 1, "items": 5},
        "query": {"index": "by-colour", "limit": 5},
        "transact_write": {"condition": "exists"},
    },
    "warm_up": 0.1,
    "retries": {"attempts": 2, "base_ms": 5},
    "breaker": {"failures": 3, "probe_interval": 0.05},
    "cleanup": {"rate": 0},
    "metrics": {"enabled": True, "interval": 1},
    "thresholds": ["p99 < 10s", "rate >= 1%"],
}
FAULTS = [
    {"when": {"operation": "PutItem", "numbers": [40, 60]}, "what": {"throttle": {"reason": "TableWriteX"}}},
    {"when": {"window_s": [0.5, 0.7]}, "what": {"error": {"type": "InternalServerError", "status": 500}}},
]
SEARCH = {
    "plan": {
        "type": "find_max",
        "start": 100,
        "ceiling": 100,
        "confirmations": 1,
        "trial": 0.5,
        "settle": 0,
        "rest": 0,
    },
    "thresholds": ["p99 < 10s"],
    "connections": 4,
}
CLASSIC = {
    "plan": {"type": "classic", "concurrency_limit": 4, "total_items": 40, "inject_duplicates": True},
    "cleanup": True,
    "thresholds": ["p99 < 1us"],
}
REFUSALS = [{"when": {"operation": ["BatchGetItem", "BatchWriteItem"]}, "what": DENIED}]
DEATH = {"plan": constant(50, 2.5), "processes": 2, "cleanup": True}
RUNS: tuple[Any, ...] = ((EVERYTHING, FAULTS, TABLE), (SEARCH, [], None), (CLASSIC, REFUSALS, None))

# The keys of these are names of a run: of operations, indexes, outcomes, reasons.
NAMED_BY_THE_RUN = {"operations", "indexes", "histograms", "throttled", "cancelled", "failed", "retried"}
# The sections that explain the members of a figure, if not its own section or that of its parent.
EXPLAINED = {"estimate": ("`cost`", "`run.started`"), "series": ("`series`", "`interval`")}
BESIDE = {
    "run.summary": ("The figures of a run",),
    "run.checkpoint": ("The figures of a run",),
    "run.died": ("`run.progress`",),
}


def sections(path: Path) -> dict[str, str]:
    parts = re.split(r"^#+ (.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def code(text: str) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", text))


def table(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def examples(path: Path) -> list[dict[str, Any]]:
    return [
        json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)
    ]


# ---- The figures


class Said(NamedTuple):
    """The lines that these runs wrote, and the output of ``ddbload verify`` for the second."""

    lines: list[list[str]]
    events: list[dict[str, Any]]
    verified: dict[str, Any]


def ddbload(*arguments: str) -> str:
    command = [sys.executable, "-c", COMMAND, *arguments]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False).stdout


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Said:
    path = tmp_path_factory.mktemp("documented") / "results.json"
    lines, verified = [], {}
    for requested, script, schema in RUNS:
        with Server(script, **({"table": schema} if schema else {})) as server:
            target = ("--endpoint-url", server.url)
            text = json.dumps(requested)
            lines.append(ddbload("run", "--table", "test-table", "--scenario", text, *target).splitlines())
            if requested is SEARCH:
                file.save(path, merge.merge(lines[-1]))
                verified = json.loads(ddbload("verify", str(path), *target))
    with Server() as server:
        lines.append([json.dumps(event) for event in killed(server.url, DEATH, 0.9).events])
    # The control table is lost during the run.
    with Server([rule({"error": {"type": "AccessDeniedException"}}, operation="GetItem", numbers=[4, 1000])]) as server:
        text = json.dumps({"plan": constant(20, 4)})
        # The second task is surplus.
        command = [
            *("run", "--run-id", "r", "--table", "test-table", "--scenario", text, "--endpoint-url", server.url),
            *("--control-table", "test-control", "--tasks", "1"),
            # Nothing listens there.
            *("--otlp", "http://127.0.0.1:1"),
        ]
        lines.append([line for _task in range(2) for line in ddbload(*command).splitlines()])
    events = [event for run in lines for event in map(json.loads, run) if "event" in event]
    return Said(lines, events, verified)


def members(document: Mapping[str, Any], titles: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield every name in a document, with the sections of which one must explain it."""
    known = sections(FIGURES)
    for name, value in document.items():
        yield name, titles
        if name == "scenario":
            continue
        inner = EXPLAINED.get(name) or ((f"`{name}`",) if f"`{name}`" in known else titles)
        found = value if isinstance(value, list) else [value]
        for part in (part for part in found if isinstance(part, Mapping)):
            parts = part.values() if name in NAMED_BY_THE_RUN else [part]
            for each in parts:
                if isinstance(each, Mapping):
                    yield from members(each, inner)


def unexplained(document: Mapping[str, Any], titles: tuple[str, ...]) -> set[tuple[str, str]]:
    known = {title: code(text) for title, text in sections(FIGURES).items()}
    return {
        (name, where[0])
        for name, where in members(document, titles)
        if not any(name in known.get(title, ()) for title in where)
    }


def test_every_figure_of_every_event_is_explained(said: Said) -> None:
    kinds = {
        "ready",
        "warning",
        "started",
        "progress",
        "checkpoint",
        "breaker",
        "phase",
        "telemetry",
        "trial",
        "summary",
        "died",
        "failed",
    }
    assert {event["event"] for event in said.events} == {f"run.{kind}" for kind in kinds}
    for event in said.events:
        name = event["event"]
        assert unexplained(event, (f"`{name}`", "Every line", *BESIDE.get(name, ()))) == set()


def test_every_figure_of_the_results_is_explained(said: Said) -> None:
    for run in said.lines:
        assert unexplained(merge.merge(run), ("`results.json`", "The figures of a run")) == set()
    assert unexplained(said.verified, ("`ddbload verify`",)) == set()


def test_the_runs_have_every_section(said: Said) -> None:
    summaries = [event for event in said.events if event["event"] == "run.summary"]
    for name in ("breaker", "cleanup", "duplicates", "search", "verification"):
        assert any(summary[name] for summary in summaries), name
    assert {"error"} <= summaries[2]["verification"].keys() & summaries[2]["cleanup"].keys()


def test_every_explained_figure_exists(said: Said) -> None:
    documents = [said.verified, *said.events, *(merge.merge(run) for run in said.lines)]
    there = {name for document in documents for name, _titles in members(document, ("",))}
    for title, text in sections(FIGURES).items():
        if title in ("Every line", "The figures of a run") or title.startswith("`"):
            for head in re.findall(r"^- (`[^:]*?):", text, flags=re.MULTILINE):
                assert code(re.sub(r"\(.*?\)|,? in .*", "", head)) <= there, title


def test_every_metric_for_cloudwatch_is_named(said: Said) -> None:
    (document, *_others) = [json.loads(line) for line in said.lines[0] if "_aws" in line]
    directive = document["_aws"]["CloudWatchMetrics"][0]
    named = {metric["Name"] for metric in directive["Metrics"]} | set(directive["Dimensions"][0])
    assert named <= code(sections(FIGURES)["Lines for CloudWatch"])


def test_every_exit_code_is_explained_with_its_reason() -> None:
    _head, *rows = table(sections(FIGURES)["Exit codes"])
    assert {int(row[0]): row[1].strip("`") for row in rows} == {exit_codes.PASSED: "", **exit_codes.REASONS}
    for path in (SCENARIO, README):
        text = re.sub(r"\s+", " ", path.read_text(encoding="utf-8"))
        assert re.search(", ".join(f"{number} \\([^)]*\\)" for number in range(6)) + r" or 6 \([^)]*\)", text), path


# ---- The scenario


class Recorder(reader.Reader):
    """Records every field that is read: path and name, with its default and its rule."""

    fields: dict[tuple[str, str], tuple[Any, str]]

    def take(self, name: str, default: Any, shape: Any = None) -> Any:
        self.fields.setdefault((self.path, name), (default, ""))
        return super().take(name, default, shape)

    def checked(self, name: str, default: Any, rule: str, is_right: Any, shape: Any = None) -> Any:
        value = super().checked(name, default, rule, is_right, shape)
        self.fields[self.path, name] = (default, rule)
        return value


def fields_read(document: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], tuple[Any, str]]:
    fields: dict[tuple[str, str], tuple[Any, str]] = {}
    kind = type("Noting", (Recorder,), {"fields": fields})
    monkeypatch.setattr(reader, "Reader", kind)
    monkeypatch.setattr(scenario, "Reader", kind)
    try:
        scenario.parse({"table": "test-table", **document})
    except scenario.ScenarioError as error:
        assert len(error.problems) == 1  # fields without a default are missing
    return fields


def is_documented(row: list[str], name: str, default: Any, rule: str, operation: str = "") -> bool:
    reported = re.sub(r" \(.*\)", "", row[1]).strip("`")
    if row[0] != f"`{name}`" or (operation and row[3] != "all" and operation not in code(row[3])):
        return False
    if reported == "the name" or not reported:
        return bool(default == (operation if reported else ""))
    if json.loads(reported) != default:
        return False
    if bounds := re.search(r"from (\S+ to \S+)", rule):
        return re.sub(r" \(.*\)", "", row[2]) == bounds[1]
    if choices := re.fullmatch("one of (.*)", rule):
        return row[2] in ("see below", "all") or code(row[2]) == set(choices[1].split(", ")) - {""}
    return row[2] == ("true or false" if rule == "true or false" else "")


DISTRIBUTIONS = ("uniform", "sequential", "zipfian", "hot_set", "latest")
SIZES = ("uniform", "lognormal", "choices")
SECTIONS = ("keys", "item", "retries", "breaker", "verify", "cleanup", "metrics")


@pytest.mark.parametrize(
    ("document", "path", "titles"),
    [
        ({}, "", ["Fields"]),
        *(({}, name, [f"`{name}`"]) for name in SECTIONS),
        *(({"plan": {"type": kind}}, "plan", ["`plan`", f"`{kind}`"]) for kind in plan.KINDS),
        ({"plan": {"type": "closed", "duration": 1}}, "plan", ["`plan`", "`closed`"]),
        *(({"mix": {name: {}}}, f"mix.{name}", ["`mix`"]) for name in entries.OPERATIONS),
        *(
            ({"mix": {"get": {"keys": {"type": kind}}}}, "mix.get.keys", ["Which key", f"`{kind}`"])
            for kind in DISTRIBUTIONS
        ),
        *(({"item": {"size": {"type": kind}}}, "item.size", ["Sizes", f"Sizes: `{kind}`"]) for kind in SIZES),
    ],
)
def test_every_field_is_documented_with_default_and_bounds(
    document: dict[str, Any], path: str, titles: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = sections(SCENARIO)
    rows = [row for title in titles for row in table(known[title])]
    operation = path.removeprefix("mix.") if titles == ["`mix`"] else ""
    fields = {name: rule for (position, name), rule in fields_read(document, monkeypatch).items() if position == path}
    assert fields
    missing = [
        (name, *rule)
        for name, rule in fields.items()
        if not any(is_documented(row, name, *rule, operation) for row in rows)
    ]
    assert missing == []


def test_every_choice_is_explained_under_its_own_heading(monkeypatch: pytest.MonkeyPatch) -> None:
    known = sections(SCENARIO)
    assert {f"`{name}`" for name in (*plan.KINDS, *entries.OPERATIONS)} <= known.keys()
    fields = fields_read({"mix": {"get": {}}, "item": {"size": {"type": "uniform"}}}, monkeypatch)
    assert fields["mix.get.keys", "type"][1] == f"one of {', '.join(DISTRIBUTIONS)}"
    assert fields["item.size", "type"][1] == f"one of {', '.join(SIZES)}"


@pytest.fixture
def arrivals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recording that the documentation shows, in the file that its example names."""
    (block,) = re.findall(r"^```text\n(.*?)^```", SCENARIO.read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "arrivals.txt").write_text(block)
    monkeypatch.chdir(tmp_path)


def keys_of(document: Any) -> Iterator[str]:
    if isinstance(document, Mapping):
        for name, value in document.items():
            yield name
            if name == "mix":
                yield from (key for entry in value.values() for key in keys_of(entry))
            elif name != "weights":
                yield from keys_of(value)
    elif isinstance(document, list):
        yield from (key for part in document for key in keys_of(part))


@pytest.mark.usefixtures("arrivals")
def test_every_example_is_a_scenario_and_is_explained() -> None:
    """Every example is a scenario, and all its fields are explained."""
    known = code(SCENARIO.read_text(encoding="utf-8"))
    for example in examples(SCENARIO):
        assert set(keys_of(scenario.parse({"table": "test-table", **example}).to_document())) <= known


def test_there_is_an_example_of_everything() -> None:
    shown = examples(SCENARIO)
    plans = {example.get("plan", {}).get("type") for example in shown}
    mixes = [entry for example in shown for entry in example.get("mix", {}).items()]
    assert plans >= plan.KINDS.keys()
    assert {name for name, _entry in mixes} >= set(entries.OPERATIONS)
    chosen = [entry.get("keys") for _name, entry in mixes if isinstance(entry, Mapping)]
    assert {keys["type"] if isinstance(keys, Mapping) else keys for keys in chosen} >= set(DISTRIBUTIONS)
    sizes = [example["item"]["size"] for example in shown if "item" in example]
    assert {size["type"] for size in sizes if isinstance(size, Mapping)} == set(SIZES)
    assert {name for example in shown for name in example} >= set(SECTIONS) | {"thresholds"}


def test_every_metric_of_thresholds_is_documented() -> None:
    """Every metric of thresholds is named and whether it may be a share."""
    reported: dict[str, bool] = {}
    for row in table(sections(SCENARIO)["`thresholds`"]):
        reported |= dict.fromkeys(code(row[0]), bool(row[2]))

    def may_be_a_share(metric: str) -> bool:
        try:
            return thresholds.parse(f"{metric} < 1%").unit == "%"
        except thresholds.ThresholdError:
            return False

    assert reported == {metric: may_be_a_share(metric) for metric in thresholds.METRICS}


# ---- All of it


def test_every_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    commands = re.findall(r"^    ([a-z]+)(?: |$)", capsys.readouterr().out, flags=re.MULTILINE)
    _head, *rows = table(sections(README)["Commands"])
    assert {row[0] for row in rows} == {f"`ddbload {command}`" for command in commands}
