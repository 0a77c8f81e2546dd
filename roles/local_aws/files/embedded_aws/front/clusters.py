# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Target groups of ELBv2 and client aliases of Service Connect as clusters of Envoy, and their targets as endpoints.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto
"""

from __future__ import annotations

from embedded_aws.front.model import Description, Endpoint, Record, Target, resource_name
from embedded_aws.front.routes import EXTENSIONS

# An Application Load Balancer has no such limits; Envoy's own are 1024.
LIMITS = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests", "max_retries"), 1_000_000)
CONNECT_SECONDS = 10  # within which an Application Load Balancer connects to a target
ALGORITHMS = {"round_robin": "ROUND_ROBIN", "least_outstanding_requests": "LEAST_REQUEST"}
HEALTH_EVENTS = "health-events.log"
SINK = f"{EXTENSIONS}.health_check.event_sinks.file.v3.HealthCheckEventFileSink"


# A task of Service Connect gets connections once its port accepts one; until then it is checked more often.
PORT_CHECK = {
    "timeout": "2s",
    "interval": "5s",
    "no_traffic_interval": "0.25s",
    "no_traffic_healthy_interval": "5s",
    "unhealthy_interval": "0.25s",
    "unhealthy_threshold": 2,
    "healthy_threshold": 1,
    "tcp_health_check": {},
}
HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def targets_file(name: str) -> str:
    """Return the name of the file with the endpoints of a cluster."""
    return f"targets-{name}.json"


def cluster(description: Description, group: Record, directory: str) -> Record:
    """Return the Cluster of a target group.

    Args:
        description: what ELBv2 describes.
        group: the target group.
        directory: of Envoy's files.
    """
    name = resource_name(group["TargetGroupArn"])
    algorithm = description.attribute(group["TargetGroupArn"], "load_balancing.algorithm.type", "round_robin")
    found = _cluster(name, directory, _health_check(group, directory))
    found["lb_policy"] = ALGORITHMS.get(algorithm, "ROUND_ROBIN")
    if group.get("Protocol") == "HTTPS":
        # An Application Load Balancer does not validate the certificates of targets.
        tls = {"@type": f"{EXTENSIONS}.transport_sockets.tls.v3.UpstreamTlsContext"}
        found["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": tls}
    return found


def alias_cluster(endpoint: Endpoint, directory: str) -> Record:
    """Return the Cluster of a client alias of Service Connect."""
    found = _cluster(endpoint.name, directory, PORT_CHECK)
    if endpoint.protocol in ("http2", "grpc"):
        options: Record = {"explicit_http_config": {"http2_protocol_options": {}}}
        found["typed_extension_protocol_options"] = {
            HTTP_OPTIONS: {"@type": f"type.googleapis.com/{HTTP_OPTIONS}", **options}
        }
    return found


def alias_endpoints(endpoint: Endpoint) -> Record:
    """Return the ClusterLoadAssignment of a client alias of Service Connect."""
    found = [_alias_endpoint(target, "HEALTHY") for target in endpoint.targets]
    found += [_alias_endpoint(target, "DRAINING") for target in endpoint.draining]
    return _assignment(endpoint.name, found)


def endpoints(description: Description, group: Record) -> Record:
    """Return the ClusterLoadAssignment of a target group; draining targets get no new request."""
    arn = group["TargetGroupArn"]
    registered = sorted(set(description.targets.get(arn, [])))
    draining = sorted(set(description.draining.get(arn, [])) - set(registered))
    found = [_endpoint(group, target, "HEALTHY") for target in registered]
    found += [_endpoint(group, target, "DRAINING") for target in draining]
    return _assignment(resource_name(arn), found)


def expected(group: Record) -> list[dict[str, int]]:
    """Return the ranges of status codes that pass the health check, from a matcher such as ``200,301-302``.

    The end of a range is the first code that is not in it.
    """
    codes = str((group.get("Matcher") or {}).get("HttpCode") or "200")
    pairs = [part.strip().partition("-") for part in codes.split(",")]
    return [{"start": int(first), "end": int(last or first) + 1} for first, _dash, last in pairs]


def problems(group: Record) -> list[str]:
    """Return the properties of a target group that Envoy cannot follow."""
    protocol = group.get("Protocol", "HTTP")
    checks = {
        "Protocol": protocol in ("HTTP", "HTTPS"),
        "ProtocolVersion": group.get("ProtocolVersion", "HTTP1") == "HTTP1",
        "TargetType": group.get("TargetType") == "ip",
        "HealthCheckProtocol": group.get("HealthCheckProtocol", "HTTP") == protocol,
        "HealthCheckEnabled": group.get("HealthCheckEnabled", True) is True,
    }
    return [name for name, holds in checks.items() if not holds]


def _cluster(name: str, directory: str, health_check: Record) -> Record:
    source = {"path_config_source": {"path": f"{directory}/{targets_file(name)}"}, "resource_api_version": "V3"}
    return {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": name,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": source, "service_name": name},
        "connect_timeout": f"{CONNECT_SECONDS}s",
        # Without a healthy target the response is 503, not that of an unhealthy target. Without the second setting,
        # a change of health or registration reaches requests up to a second later.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}, "update_merge_window": "0s"},
        "circuit_breakers": {"thresholds": [LIMITS]},
        # A deregistered target gets no further request, though it is healthy.
        "ignore_health_on_host_removal": True,
        "health_checks": [health_check],
    }


def _assignment(name: str, found: list[Record]) -> Record:
    return {
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": name,
        "endpoints": [{"lb_endpoints": found}] if found else [],
    }


def _address(target: Target) -> Record:
    return {"socket_address": {"address": target.id, "port_value": target.port}}


def _alias_endpoint(target: Target, status: str) -> Record:
    return {"endpoint": {"address": _address(target)}, "health_status": status}


def _endpoint(group: Record, target: Target, status: str) -> Record:
    port = str(group.get("HealthCheckPort", "traffic-port"))
    check_port = target.port if port == "traffic-port" else int(port)
    check: Record = {"hostname": f"{target.id}:{check_port}"}
    if check_port != target.port:
        check["port_value"] = check_port
    return {"endpoint": {"address": _address(target), "health_check_config": check}, "health_status": status}


def _health_check(group: Record, directory: str) -> Record:
    interval = f"{group.get('HealthCheckIntervalSeconds', 30)}s"
    agent = {"header": {"key": "user-agent", "value": "ELB-HealthChecker/2.0"}}
    sink = {"@type": SINK, "event_log_path": f"{directory}/{HEALTH_EVENTS}"}
    return {
        "timeout": f"{group.get('HealthCheckTimeoutSeconds', 5)}s",
        "interval": interval,
        "no_traffic_interval": interval,
        "no_traffic_healthy_interval": interval,
        "healthy_threshold": int(group.get("HealthyThresholdCount", 5)),
        "unhealthy_threshold": int(group.get("UnhealthyThresholdCount", 2)),
        "reuse_connection": False,
        "always_log_health_check_failures": True,
        "http_health_check": {
            "path": group.get("HealthCheckPath") or "/",
            "expected_statuses": expected(group),
            "request_headers_to_add": [agent | {"append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}],
        },
        "event_logger": [{"name": "envoy.health_check.event_sinks.file", "typed_config": sink}],
    }
