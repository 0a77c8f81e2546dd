# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of ELBv2 as routes of Envoy.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html
https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from embedded_aws.front.model import Description, Record, forwards, resource_name

STATEFUL_SESSION = "envoy.filters.http.stateful_session"
EXTENSIONS = "type.googleapis.com/envoy.extensions"
# Envoy repeats a request only where nothing of it has reached a target.
RETRIES = {
    "retry_on": "connect-failure,refused-stream,reset-before-request",
    "num_retries": 2,
    "retry_host_predicate": [
        {
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {"@type": f"{EXTENSIONS}.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
        }
    ],
    "host_selection_retry_max_attempts": 3,
}
UNAVAILABLE = {"direct_response": {"status": 503, "body": {"inline_string": "503 Service Temporarily Unavailable\n"}}}
REDIRECT_CODES = {"HTTP_301": "MOVED_PERMANENTLY", "HTTP_302": "FOUND"}
DAY = "86400"  # seconds that a session sticks to its target unless an attribute says otherwise


def route_configuration(description: Description, listener: Record, ports: Mapping[int, int]) -> Record:
    """Return the RouteConfiguration of a listener.

    Args:
        description: what ELBv2 describes.
        listener: whose rules are routed by.
        ports: the port of this machine for each port of the load balancer.
    """
    name = resource_name(listener["ListenerArn"])
    timeout = description.attribute(listener["LoadBalancerArn"], "idle_timeout.timeout_seconds", "60")
    routes = [_route(description, listener, rule, timeout, ports) for rule in description.rules_of(listener)]
    port = {"header": {"key": "x-forwarded-port", "value": str(listener["Port"])}}
    # For a client on a loopback address, Envoy itself would append another address of this machine.
    client = {"header": {"key": "x-forwarded-for", "value": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"}}
    return {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": name,
        "virtual_hosts": [{"name": name, "domains": ["*"], "routes": routes}],
        "request_headers_to_add": [
            port | {"append_action": "OVERWRITE_IF_EXISTS_OR_ADD"},
            client | {"append_action": "APPEND_IF_EXISTS_OR_ADD"},
        ],
        "request_headers_to_remove": ["x-envoy-internal", "x-envoy-external-address"],
    }


def problems(rule: Record) -> list[str]:
    """Return the properties of a rule that have no route, such as ``Conditions.source-ip``."""
    found: list[str] = [
        f"Conditions.{condition['Field']}" for condition in rule.get("Conditions", []) if not _supported(condition)
    ]
    found += [
        f"Conditions.{condition['Field']}.RegexValues"
        for condition in rule.get("Conditions", [])
        if any("RegexValues" in part for part in (condition, *_configs(condition)))
    ]
    for action in rule.get("Actions", []):
        if action["Type"] not in ("forward", "redirect", "fixed-response"):
            found.append(f"Actions.{action['Type']}")
        if action.get("ForwardConfig", {}).get("TargetGroupStickinessConfig", {}).get("Enabled"):
            found.append("Actions.ForwardConfig.TargetGroupStickinessConfig")
        found += [f"Actions.RedirectConfig.{name}" for name in _fixed_parts(action.get("RedirectConfig", {}))]
    return found + (["Transforms"] if rule.get("Transforms") else [])


def match(conditions: Iterable[Record]) -> Record:
    """Return the RouteMatch of a rule's conditions: all of them hold, each by one of its values."""
    path: Record = {"prefix": "/"}
    headers = []
    for condition in conditions:
        field = condition["Field"]
        patterns = [_pattern(value) for value in values(condition)]
        if field == "path-pattern":
            path = {"safe_regex": {"regex": _any(patterns)}}
        elif field == "host-header":
            headers.append(_header(":authority", f"(?i){_any(patterns)}(:[0-9]+)?"))
        elif field == "http-request-method":
            headers.append(_header(":method", _any(map(re.escape, values(condition)))))
        elif field == "http-header":
            headers.append(_header(condition["HttpHeaderConfig"]["HttpHeaderName"].lower(), f"(?i){_any(patterns)}"))
        elif field == "query-string":
            pairs = condition["QueryStringConfig"]["Values"]
            headers.append(_header(":path", rf"(?i)[^?]*\?([^#]*&)?{_any(map(_pair, pairs))}(&.*)?"))
    return path | ({"headers": headers} if headers else {})


def values(condition: Record) -> list[str]:
    """Return the values of a condition, from either of the two places where ELBv2 has them."""
    found: list[object] = condition.get("Values") or next(
        (part["Values"] for part in _configs(condition) if "Values" in part), []
    )
    return [value for value in found if isinstance(value, str)]


def _route(description: Description, listener: Record, rule: Record, timeout: str, ports: Mapping[int, int]) -> Record:
    route: Record = {"match": match(rule.get("Conditions", []))}
    if problems(rule):
        return route | UNAVAILABLE
    # The last one decides; those before it are authentications, which are refused.
    action = max(rule["Actions"], key=lambda one: int(one.get("Order", 1)))
    if action["Type"] == "fixed-response":
        return route | _fixed_response(action["FixedResponseConfig"])
    if action["Type"] == "redirect":
        return route | {"redirect": _redirect(action["RedirectConfig"], listener, ports)}
    known = {group["TargetGroupArn"] for group in description.target_groups}
    weights = {arn: weight for arn, weight in forwards(action) if weight and arn in known}
    if not weights:
        return route | UNAVAILABLE
    return route | _forward(weights, timeout) | _session(description, weights)


def _forward(weights: Mapping[str, int], timeout: str) -> Record:
    clusters = [{"name": resource_name(arn), "weight": weight} for arn, weight in sorted(weights.items())]
    target: Record = {"weighted_clusters": {"clusters": clusters}}
    if len(clusters) == 1:
        target = {"cluster": clusters[0]["name"]}
    return {"route": target | {"timeout": "0s", "idle_timeout": f"{timeout}s", "retry_policy": RETRIES}}


def _session(description: Description, weights: Iterable[str]) -> Record:
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#sticky-sessions
    sticky = [arn for arn in sorted(weights) if description.attribute(arn, "stickiness.enabled", "false") == "true"]
    if not sticky:
        return {}
    seconds = description.attribute(sticky[0], "stickiness.lb_cookie.duration_seconds", DAY)
    cookie = {"name": "AWSALB", "path": "/", "ttl": f"{seconds}s"}
    kind = f"{EXTENSIONS}.http.stateful_session.cookie.v3.CookieBasedSessionState"
    state = {
        "name": "envoy.http.stateful_session.cookie",
        "typed_config": {"@type": kind, "cookie": cookie},
    }
    per_route = f"{EXTENSIONS}.filters.http.stateful_session.v3.StatefulSessionPerRoute"
    config = {"@type": per_route, "stateful_session": {"session_state": state}}
    return {"typed_per_filter_config": {STATEFUL_SESSION: config}}


def _fixed_response(config: Record) -> Record:
    kind = {"key": "content-type", "value": config.get("ContentType") or "text/plain"}
    body = config.get("MessageBody") or ""
    response: Record = {"status": int(config["StatusCode"])} | ({"body": {"inline_string": body}} if body else {})
    return {
        "direct_response": response,
        "response_headers_to_add": [{"header": kind, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}],
    }


def _redirect(config: Record, listener: Record, ports: Mapping[int, int]) -> Record:
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html#redirect-actions
    protocol, host, port, path, query = (
        config.get(name, default)
        for name, default in (
            ("Protocol", "#{protocol}"),
            ("Host", "#{host}"),
            ("Port", "#{port}"),
            ("Path", "/#{path}"),
            ("Query", "#{query}"),
        )
    )
    redirect: Record = {"response_code": REDIRECT_CODES[config["StatusCode"]]}
    own = str(listener["Protocol"])
    redirect["scheme_redirect"] = protocol.replace("#{protocol}", own).lower()
    wanted = int(port.replace("#{port}", str(listener["Port"])))
    redirect["port_redirect"] = ports.get(wanted, wanted)
    if host != "#{host}":
        redirect["host_redirect"] = host
    if "#{path}" not in path:
        redirect["path_redirect"] = f"{path}?{query}" if query and query != "#{query}" else path
    elif path != "/#{path}":
        before, _placeholder, after = path.partition("#{path}")
        literal = (part.replace("\\", r"\\") for part in (before, after))
        pattern = {"regex": "^/(.*)$"}
        redirect["regex_rewrite"] = {"pattern": pattern, "substitution": r"\1".join(literal)}
    if query == "":
        redirect["strip_query"] = True
    return redirect


def _fixed_parts(config: Record) -> list[str]:
    """Return the parts of a redirect that hold a placeholder Envoy cannot fill in."""
    found: list[str] = []
    for name, own in (("Protocol", "#{protocol}"), ("Host", "#{host}"), ("Port", "#{port}")):
        value = config.get(name, own)
        if value != own and "#{" in value:
            found.append(name)
    path, query = config.get("Path", "/#{path}"), config.get("Query", "#{query}")
    if "#{" in path.replace("#{path}", "", 1):
        found.append("Path")
    if query not in ("", "#{query}") and ("#{" in query or "#{path}" in path):
        found.append("Query")
    return found


def _supported(condition: Record) -> bool:
    field = condition["Field"]
    if field == "query-string":
        return bool(condition.get("QueryStringConfig", {}).get("Values"))
    return field in ("path-pattern", "host-header", "http-request-method", "http-header") and bool(values(condition))


def _configs(condition: Record) -> list[Record]:
    return [part for name, part in condition.items() if name.endswith("Config") and isinstance(part, dict)]


def _pattern(value: str, wildcard: str = ".") -> str:
    """Return the regular expression of a value with ``*`` for any characters and ``?`` for one."""
    return "".join({"*": f"{wildcard}*", "?": wildcard}.get(character, re.escape(character)) for character in value)


def _pair(pair: Record) -> str:
    key = _pattern(pair["Key"], "[^&=]") if pair.get("Key") else "[^&=]*"
    return f"{key}={_pattern(pair['Value'], '[^&]')}"


def _any(patterns: Iterable[str]) -> str:
    return f"({'|'.join(patterns)})"


def _header(name: str, regex: str) -> Record:
    return {"name": name, "string_match": {"safe_regex": {"regex": regex}}}
