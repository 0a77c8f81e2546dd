# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.words import copilot, others
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import read, unknown_systems
from system_strategies import schema, small

WORDS = {**others.OF_TASKS, **copilot.OF_WORKLOADS}


def line_of(key: str, value: object = "x") -> str:
    text = yaml.safe_dump(small(services={"web": {key: value}}), sort_keys=False)
    (problem,) = read(text, "system.yml").problems
    return problem.line()


@pytest.mark.parametrize(
    "word", ["count", "http", "variables", "entrypoint", "healthcheck", "platform", "exec", "volumes", "replicas"]
)
def test_a_word_of_other_tools_leads_to_the_key(word: str) -> None:
    line = line_of(word)
    assert line.startswith("description: system.yml:") or line.startswith("system.yml:")
    assert line.endswith(f"services.web.{word} is no key of this section -> did you mean {WORDS[word]}?")


@pytest.mark.parametrize(
    ("key", "value", "path", "remedy"),
    [
        ("image", {"build": "."}, "image.build", "add a component of kind role, with role: build_push"),
        ("image", {"port": 80}, "image.port", "did you mean ports?"),
        ("count", {"range": "1-4"}, "count.range", "did you mean scaling.min and scaling.max?"),
        ("http", {"path": "/"}, "http.path", "did you mean load_balancer.paths?"),
        (
            "network",
            {"vpc": {"placement": "private"}},
            "network.vpc.placement",
            "remove it: tasks run in the private subnets of component network",
        ),
        ("network", {"vpc": {"security_groups": ["sg-1"]}}, "network.vpc.security_groups", "did you mean calls?"),
        ("storage", {"volumes": {"data": {}}}, "storage.volumes", "did you mean mounts?"),
        ("exec", True, "exec", "did you mean execute_command?"),
        ("deploy", {"resources": {"limits": {}}}, "deploy.resources", "did you mean cpu and memory?"),
        ("healthcheck", {"test": ["CMD"]}, "healthcheck.test", "did you mean health_check.command?"),
        ("depends_on", ["db"], "depends_on", "did you mean calls?"),
        ("depends_on", {"db": {"condition": "service_healthy"}}, "depends_on", "did you mean calls?"),
        (
            "deployment",
            {"rolling": "default"},
            "deployment.rolling",
            "did you mean deployment.minimum_healthy_percent and deployment.maximum_percent?",
        ),
    ],
)
def test_a_nested_word_of_other_tools_is_named(key: str, value: object, path: str, remedy: str) -> None:
    """The line is that of the nested word."""
    document = small(services={"web": {key: "VALUE"}})
    document["services"]["web"][key] = value
    text = yaml.safe_dump(document, sort_keys=False)
    (problem,) = read(text, "system.yml").problems
    last = path.rpartition(".")[2]
    numbers = [number for number, line in enumerate(text.splitlines(), start=1) if line.strip().startswith(f"{last}:")]
    assert problem.what in [f"system.yml:{number}: services.web.{path} is no key of this section" for number in numbers]
    assert problem.remedy == remedy


def test_each_word_of_other_tools_leads_to_a_key() -> None:
    """tests/docs/test_copilot.py checks those of Copilot, as the page names them."""
    definitions = schema["$defs"]
    tasks = definitions["service"]["properties"] | definitions["job"]["properties"]
    for name in ("target", "scaling", "deployment", "health_check"):
        tasks |= definitions[name]["properties"]
    tasks |= definitions["target"]["properties"]["health_check"]["properties"]
    sections = {
        "queue": (others.OF_QUEUES, definitions["queue"]["properties"]),
        "load_balancer": (
            others.OF_LOAD_BALANCERS,
            definitions["load_balancer"]["properties"] | {"redirect_to of a listener": {}},
        ),
        "description": (others.OF_DESCRIPTIONS, {**schema["properties"], "system_values": {}}),
        "task": (others.OF_TASKS, tasks),
    }
    for name, (words, properties) in sections.items():
        for word, ours in words.items():
            for key in re.split(",? and ", ours):
                assert key.partition(".")[0].partition(",")[0] in properties, (name, word, key)


@pytest.mark.parametrize(
    ("section", "key", "value", "path", "remedy"),
    [
        ("services", "retries", 3, "retries", "remove it: nothing repeats a run that failed"),
        ("services", "secrets", {"KEY": {"secretsmanager": "x"}}, "secrets.KEY.secretsmanager", "describe the secret"),
        (
            "services",
            "storage",
            {"volumes": {"data": {"path": "/data", "efs": {"id": "fs-1"}}}},
            "storage.volumes.data.efs.id",
            "remove it: the deploy creates each file system",
        ),
        ("services", "count", {"range": {"min": 1, "spot_from": 2}}, "count.range.spot_from", "capacity_providers"),
        ("services", "http", {"healthcheck": {"success_codes": "200"}}, "http.healthcheck.success_codes", "matcher"),
        (
            "services",
            "environment",
            {"A": {"from_cfn": "x"}},
            "environment.A.from_cfn",
            "write the value into environment",
        ),
        ("queues", "fifo", True, "fifo", "remove it: queues are standard queues"),
    ],
)
def test_a_deep_word_of_copilot_is_named(section: str, key: str, value: object, path: str, remedy: str) -> None:
    document = small(services={"web": {}}, queues={"web": {}})
    document[section]["web"][key] = value
    lines = [each.line() for each in read(yaml.safe_dump(document, sort_keys=False), "s.yml").problems]
    assert any(f" {section}.web.{path} " in line and remedy in line for line in lines), lines


def test_a_number_with_a_unit_is_refused_with_the_unit_of_the_key() -> None:
    """Copilot writes times as 30s, 5m and 1h."""
    text = yaml.safe_dump(small(queues={"orders": {"visibility_timeout": "30s"}}), sort_keys=False)
    (problem,) = read(text, "s.yml").problems
    assert problem.remedy.startswith("write a whole number: Seconds for which a received message is hidden")


@pytest.mark.parametrize("written", ["GITHUB_TOKEN", "/copilot/shop/prod/secrets/token"])
def test_the_name_of_an_ssm_parameter_leads_to_a_secret(written: str) -> None:
    text = yaml.safe_dump(small(services={"web": {"secrets": {"TOKEN": written}}}), sort_keys=False)
    (problem,) = read(text, "s.yml").problems
    assert "section secrets" in problem.remedy and "parameter_arn" in problem.remedy


def test_a_word_of_copilot_in_a_sidecar_has_its_own_hint() -> None:
    sidecar = {"image": "a:1", "port": 80, "variables": {"A": 1}, "depends_on": {"x": "start"}}
    text = yaml.safe_dump(small(services={"web": {"sidecars": {"proxy": sidecar}}}), sort_keys=False)
    found = {each.what.split()[1].rpartition(".")[2]: each.remedy for each in read(text, "s.yml").problems}
    assert found["port"].startswith("remove it: the containers of a task share")
    assert found["variables"] == "did you mean environment?"
    assert found["depends_on"].startswith("remove it: sidecars start at once")


def test_a_manifest_at_the_top_of_the_file_is_led_into_services() -> None:
    """No key of it gets the list of all sections."""
    text = (
        "name: api\ntype: Load Balanced Web Service\nimage: {build: ./Dockerfile, port: 8080}\nhttp: {path: /}\n"
        "cpu: 256\nmemory: 512\ncount: 1\nexec: true\nnetwork: {vpc: {id: vpc-1}}\nvariables: {LOG_LEVEL: info}\n"
        "observability: {tracing: awsxray}\n"
    )
    found = {each.what.split()[1]: each.remedy for each in read(text, "s.yml").problems}
    assert found["cpu"] == found["memory"] == "write it into an entry of services or jobs"
    assert found["count"] == "did you mean desired_count in an entry of services or jobs?"
    assert found["image.port"] == "did you mean ports in an entry of services or jobs?"
    assert found["observability.tracing"] == "did you mean tracing in an entry of services or jobs?"
    assert found["network.vpc.id"].startswith("write it into network_existing_vpc_id")
    assert not any(remedy.startswith("take one of") for remedy in found.values())


def test_problems_are_in_the_order_of_the_file() -> None:
    web = "    image: {port: 80}\n    count: 1\n    cpu: 3\n    exec: x\n"
    text = f"name: s\nproject: shop\ncomponents: {{}}\nservices:\n  web:\n{web}"
    lines = [each.what.partition(" ")[0] for each in read(text, "s.yml").problems]
    assert lines == ["s.yml:6:", "s.yml:7:", "s.yml:8:", "s.yml:9:"]


def test_each_missing_key_is_reported_once() -> None:
    assert [each.what for each in read("name: s\n", "s.yml").problems] == [
        "s.yml:1: the description lacks project",
        "s.yml:1: the description lacks components",
    ]


def test_each_unknown_key_is_reported() -> None:
    text = yaml.safe_dump(small(services={"web": {"wibble": 1, "wobble": 2}}), sort_keys=False)
    assert [each.what.split()[1] for each in read(text, "s.yml").problems] == [
        "services.web.wibble",
        "services.web.wobble",
    ]


def test_a_repeated_key_is_refused_with_both_lines() -> None:
    """YAML keeps the last one, and loses the first without a word."""
    text = "name: shop\nservices:\n  web: {cpu: 256}\n  api:\n  - cpu: 1\n    cpu: 2\n  web: {}\n"
    lines = [problem.line() for problem in read(text, "s.yml").problems]
    assert [line.removeprefix("description: ") for line in lines] == [
        "s.yml:6: services.api.0.cpu is there twice, first in line 5 -> keep one of them",
        "s.yml:7: services.web is there twice, first in line 3 -> keep one of them",
    ]


def test_a_key_of_an_anchor_may_be_replaced() -> None:
    text = "name: s\nproject: shop\ncomponents:\n  a: &a {kind: stack, role: b}\n  b: {<<: *a, role: c}\n"
    document = read(text, "s.yml")
    assert document.problems == []
    assert document.description["components"]["b"] == {"kind": "stack", "role": "c"}


@pytest.mark.parametrize(
    ("written", "path"), [("ports: {80: 80}", "ports.80"), ("environment: {1: x}", "environment.1")]
)
def test_a_key_that_is_a_number_is_refused(written: str, path: str) -> None:
    text = f"name: s\nproject: shop\ncomponents: {{}}\nservices:\n  web:\n    {written}\n"
    (problem,) = read(text, "s.yml").problems
    assert problem.what == f"s.yml:6: services.web.{path} has a name that does not fit"


def test_words_that_yaml_reads_as_truth_values_are_names() -> None:
    document = small()
    text = yaml.safe_dump(document, sort_keys=False) + "defaults: {environment: {NO: a, on: b, DAY: 2026-11-28}}\n"
    read_document = read(text, "s.yml")
    assert read_document.problems == []
    assert read_document.description["services"]["web"]["environment"] == {"NO": "a", "on": "b", "DAY": "2026-11-28"}


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (["x"], "system_values.shop is a list of 1 -> write a mapping"),
        ("x", "system_values.shop is 'x' -> write a mapping"),
        ({"services": {80: {}}}, "system_values.shop.services has the key 80 -> write it in quotes"),
        ({True: 1}, "system_values.shop has the key True -> write it in quotes"),
    ],
)
def test_values_that_are_no_part_of_a_description(values: object, line: str) -> None:
    text = yaml.safe_dump(small(), sort_keys=False)
    (problem,) = read(text, "s.yml", values).problems  # type: ignore[arg-type]
    assert problem.line().endswith(f"inventory variable {line}")


def test_values_of_an_unknown_system_are_refused(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "system.yml").touch()
    (problem,) = unknown_systems(["shop", "oneshot", "onshot"], [str(tmp_path)])
    assert problem.what == "inventory variable system_values names onshot, which is no system"
    assert problem.remedy == "take one of load_test, mcp_gateway, oneshot, shop"


def test_a_value_of_the_inventory_is_named_by_its_variable() -> None:
    text = yaml.safe_dump(small(), sort_keys=False)
    (problem,) = read(text, "system.yml", {"services": {"web": {"desired_count": "two"}}}).problems
    assert "inventory variable system_values.shop.services.web.desired_count is 'two'" in problem.line()
    assert problem.remedy == "write a whole number: Tasks; 0 switches the service off"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [\n", 2),
        ("a: 1\nb: \x00\n", 2),
        ("a: &x [*x]\n", 1),
        ("a: !!int x\n", 1),
        ("? [a]\n: b\n", 1),
        ("a: 1\n---\nb: 2\n", 2),
        ("a: !secret x\n", 1),
    ],
)
def test_text_that_is_no_yaml_is_one_line(text: str, line: int) -> None:
    (problem,) = read(text, "system.yml").problems
    assert problem.line().count("\n") == 0
    assert f"system.yml:{line}: this is no YAML" in problem.line()


def test_a_list_is_no_description() -> None:
    (problem,) = read("[]", "s.yml").problems
    assert problem.line().endswith("this is no mapping -> write names and values")


def test_a_template_above_the_limit_is_refused_by_name() -> None:
    """51,200 bytes of a template are accepted; one more is a line that names the stack, before anything is applied."""

    def problems(length: int) -> list[str]:
        text = yaml.safe_dump(small(services={"web": {"environment": {"X": "x" * length}}}), sort_keys=False)
        return [each.line() for each in read(text, "system.yml").problems]

    [line] = problems(51_200)
    found = re.search(r"services.web gives stack service-web a template of ([\d,]+) bytes", line)
    assert found and line.endswith("or move some services and jobs into a system of their own")
    excess = int(found[1].replace(",", "")) - 51_200
    assert f"CloudFormation takes 51,200 -> save {excess:,}, " in line
    assert len(problems(51_200 - excess + 1)) == 1
    assert problems(51_200 - excess) == []


def test_the_fewest_rules_that_exceed_the_limit_are_named() -> None:
    """Every service calls every other one: the security groups have a rule for each pair."""
    names = [f"service-with-a-long-name-{number}" for number in range(16)]
    services = {name: {"ports": {"http": 80}, "calls": [other for other in names if other != name]} for name in names}
    text = yaml.safe_dump(small(services=services), sort_keys=False)
    lines = [each.line() for each in read(text, "system.yml").problems]
    assert any("security_groups gives stack security-groups a template of " in line for line in lines), lines
