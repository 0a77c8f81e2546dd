# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole configuration of Envoy: files by name, each with the resources of one kind.

https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from pathlib import Path

from embedded_aws.front import clusters, routes
from embedded_aws.front.model import Address, Certificate, Description, Endpoint, Record, resource_name
from embedded_aws.front.routes import EXTENSIONS, RETRIES, STATEFUL_SESSION


class _Anything:
    def __contains__(self, _value: object) -> bool:
        return True


ANYTHING = _Anything()
CLUSTERS, LISTENERS = "clusters.json", "listeners.json"
DEFAULT_POLICY = "ELBSecurityPolicy-2016-08"
# The response where a target refuses, resets or breaks a connection; Envoy's own is 503:
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
BAD_GATEWAY = {
    "filter": {"response_flag_filter": {"flags": ["UF", "UC", "UR", "UPE"]}},
    "status_code": 502,
    "body": {"inline_string": "502 Bad Gateway\n"},
}
# The values of attributes that are followed.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html
FOLLOWED: Mapping[str, Container[str]] = {
    "deletion_protection.enabled": ANYTHING,
    "deregistration_delay.timeout_seconds": ANYTHING,
    "idle_timeout.timeout_seconds": ANYTHING,
    "load_balancing.algorithm.type": clusters.ALGORITHMS,
    "routing.http2.enabled": ANYTHING,
    "stickiness.enabled": ANYTHING,
    "stickiness.lb_cookie.duration_seconds": ANYTHING,
    "stickiness.type": ("lb_cookie",),
}
# The values by which the other attributes change nothing, where that is not false.
INERT = {
    "client_keep_alive.seconds": "3600",
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.response.server.enabled": "true",
    "routing.http.xff_header_processing.mode": "append",
    "slow_start.duration_seconds": "0",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
}
ROUTER = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": f"{EXTENSIONS}.filters.http.router.v3.Router", "suppress_envoy_headers": True},
}
MANAGER = f"{EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager"
ADMIN_SOCKET = "admin.sock"  # relative to Envoy's working directory, since a socket's path is short


def configuration(
    description: Description,
    addresses: Mapping[str, Address],
    certificates: Mapping[str, Certificate],
    directory: Path,
) -> dict[str, list[Record]]:
    """Return the resources of each file.

    Args:
        description: what ELBv2 describes.
        addresses: where each listener listens, by its ARN; a listener without one is left out.
        certificates: of each HTTPS listener, by its ARN; a listener without one is left out.
        directory: of the files.
    """
    groups = description.used_groups()
    files = {
        clusters.targets_file(resource_name(group["TargetGroupArn"])): [clusters.endpoints(description, group)]
        for group in groups
    }
    files |= {
        clusters.targets_file(endpoint.name): [clusters.alias_endpoints(endpoint)] for endpoint in description.endpoints
    }
    files[CLUSTERS] = [clusters.cluster(description, group, str(directory)) for group in groups]
    files[CLUSTERS] += [clusters.alias_cluster(endpoint, str(directory)) for endpoint in description.endpoints]
    listeners = [_alias_listener(endpoint) for endpoint in description.endpoints]
    for balancer, listener in description.served():
        arn = listener["ListenerArn"]
        if arn not in addresses or (listener["Protocol"] == "HTTPS" and arn not in certificates):
            continue
        ports = {
            int(one["Port"]): addresses[one["ListenerArn"]].port
            for one in description.listeners_of(balancer)
            if one["ListenerArn"] in addresses
        }
        files[routes_file(listener)] = [routes.route_configuration(description, listener, ports)]
        listeners.append(_listener(description, listener, addresses[arn], certificates.get(arn), directory))
    files[LISTENERS] = listeners
    return files


def routes_file(listener: Record) -> str:
    """Return the name of the file with a listener's routes."""
    return f"routes-{resource_name(listener['ListenerArn'])}.json"


def bootstrap(directory: Path) -> Record:
    """Return what Envoy starts with: where its files are, and its administration on a socket of this user."""
    sources = {
        f"{kind}_config": {"path_config_source": {"path": str(directory / name)}, "resource_api_version": "V3"}
        for kind, name in (("cds", CLUSTERS), ("lds", LISTENERS))
    }
    socket = {"pipe": {"path": ADMIN_SOCKET, "mode": 0o600}}
    return {
        "node": {"id": "embedded-aws", "cluster": "embedded-aws"},
        "admin": {"address": socket},
        "dynamic_resources": sources,
    }


def problems(description: Description) -> list[str]:
    """Return what of the description has no effect, each with the ARN of its resource."""
    found = []
    for balancer in description.load_balancers:
        if balancer.get("Type", "application") != "application":
            found.append(f"{balancer['LoadBalancerArn']}: Type {balancer['Type']}")
    for listener in description.listeners:
        if listener["Protocol"] not in ("HTTP", "HTTPS"):
            found.append(f"{listener['ListenerArn']}: Protocol {listener['Protocol']}")
        policy = str(listener.get("SslPolicy") or DEFAULT_POLICY)
        if policy != DEFAULT_POLICY and not re.search(r"TLS(13)?-1-[23]-", policy):
            found.append(f"{listener['ListenerArn']}: SslPolicy {policy}, TLS before 1.2 is refused")
    for listener_rules in description.rules.values():
        found += [f"{rule['RuleArn']}: {name}" for rule in listener_rules for name in routes.problems(rule)]
    for arn, attributes in description.attributes.items():
        found += [
            f"{arn}: the attribute {key}={value}"
            for key, value in attributes.items()
            if value not in FOLLOWED.get(key, ("", INERT.get(key, "false")))
        ]
    for group in description.target_groups:
        found += [f"{group['TargetGroupArn']}: {name}" for name in clusters.problems(group)]
    return found


def _listener(
    description: Description, listener: Record, address: Address, certificate: Certificate | None, directory: Path
) -> Record:
    chain: Record = {"filters": [_connection_manager(description, listener, directory)]}
    if certificate is not None:
        http2 = description.attribute(listener["LoadBalancerArn"], "routing.http2.enabled", "true") == "true"
        context = {
            "alpn_protocols": ["h2", "http/1.1"] if http2 else ["http/1.1"],
            "tls_params": {"tls_minimum_protocol_version": _minimum_tls(listener)},
            "tls_certificates": [
                {"certificate_chain": {"filename": certificate.chain}, "private_key": {"filename": certificate.key}}
            ],
        }
        kind = f"{EXTENSIONS}.transport_sockets.tls.v3.DownstreamTlsContext"
        chain["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {"@type": kind, "common_tls_context": context},
        }
    return _at(resource_name(listener["ListenerArn"]), address, chain)


def _at(name: str, address: Address, chain: Record) -> Record:
    return {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": name,
        "address": {"socket_address": {"address": address.host, "port_value": address.port}},
        "filter_chains": [chain],
        # No other process of this user can share the port.
        "enable_reuse_port": False,
    }


def _alias_listener(endpoint: Endpoint) -> Record:
    """Return the Listener of a client alias of Service Connect."""
    kind = _alias_connection_manager(endpoint) if endpoint.protocol else _alias_proxy(endpoint)
    return _at(endpoint.name, endpoint.address, {"filters": [kind]})


def _alias_proxy(endpoint: Endpoint) -> Record:
    proxy = {
        "@type": f"{EXTENSIONS}.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": endpoint.name,
        "cluster": endpoint.name,
        "idle_timeout": f"{endpoint.timeouts.idle}s",
        "max_connect_attempts": 3,
    }
    return {"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}


def _alias_connection_manager(endpoint: Endpoint) -> Record:
    idle = f"{endpoint.timeouts.idle}s"
    target = {
        "cluster": endpoint.name,
        "timeout": f"{endpoint.timeouts.request}s",
        "idle_timeout": idle,
        "retry_policy": RETRIES,
    }
    host = {"name": endpoint.name, "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": target}]}
    manager = {
        "@type": MANAGER,
        "stat_prefix": endpoint.name,
        "route_config": {"name": endpoint.name, "virtual_hosts": [host]},
        "http_filters": [ROUTER],
        "generate_request_id": False,
        "server_header_transformation": "PASS_THROUGH",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "stream_idle_timeout": idle,
        "common_http_protocol_options": {"idle_timeout": idle},
        "normalize_path": False,
    }
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}


def _minimum_tls(listener: Record) -> str:
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
    return "TLSv1_3" if "TLS13-1-3" in listener.get("SslPolicy", "") else "TLSv1_2"


def _connection_manager(description: Description, listener: Record, directory: Path) -> Record:
    name = resource_name(listener["ListenerArn"])
    seconds = description.attribute(listener["LoadBalancerArn"], "idle_timeout.timeout_seconds", "60")
    path = {"path": str(directory / routes_file(listener))}
    source = {"path_config_source": path, "resource_api_version": "V3"}
    filters = [
        {
            "name": STATEFUL_SESSION,
            "typed_config": {"@type": f"{EXTENSIONS}.filters.http.stateful_session.v3.StatefulSession"},
        },
        ROUTER,
    ]
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": MANAGER,
            "stat_prefix": name,
            "rds": {"route_config_name": name, "config_source": source},
            "http_filters": filters,
            "use_remote_address": True,
            "skip_xff_append": True,
            "generate_request_id": False,
            "server_header_transformation": "PASS_THROUGH",
            "local_reply_config": {"mappers": [BAD_GATEWAY]},
            "upgrade_configs": [{"upgrade_type": "websocket"}],
            "stream_idle_timeout": f"{seconds}s",
            "common_http_protocol_options": {"idle_timeout": f"{seconds}s"},
            "normalize_path": False,
        },
    }
