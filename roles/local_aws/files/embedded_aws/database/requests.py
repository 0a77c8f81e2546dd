# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RDS's operations: MiniStack keeps the records, and each DB cluster and proxy gets a server and an address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import rds

from embedded_aws.database import statements, support
from embedded_aws.database.databases import Databases
from embedded_aws.database.program import MissingProgramError
from embedded_aws.database.server import DatabaseError
from embedded_aws.database.statements import Login
from embedded_aws.front.addresses import NoAddressError

Request = Mapping[str, Any]
Response = tuple[int, dict[str, str], bytes]
Operation = Callable[[Request], Response]
PROXY_PORT = 3306  # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy-connecting.html


class Requests:
    """The operations, in place of MiniStack's own."""

    def __init__(self, databases: Databases) -> None:
        self.databases = databases
        self._original: dict[str, Operation] = dict(rds._ACTION_MAP)

    def install(self) -> None:
        """Replace MiniStack's operations."""
        own: dict[str, Operation] = {
            "CreateDBCluster": self._create_cluster,
            "CreateDBInstance": self._create_instance,
            "CreateDBProxy": self._create_proxy,
            "DeleteDBCluster": self._delete_cluster,
            "DeleteDBProxy": self._delete_proxy,
            "DeregisterDBProxyTargets": self._deregister,
            "ModifyDBCluster": self._modify_cluster,
            "ModifyDBProxy": self._modify_proxy,
            "RegisterDBProxyTargets": self._register,
        }
        for name, operation in self._original.items():
            rds._ACTION_MAP[name] = _checked(name, own.get(name, operation))

    def _create_cluster(self, request: Request) -> Response:
        response = self._original["CreateDBCluster"](request)
        cluster = rds._clusters.get(rds._p(request, "DBClusterIdentifier"))
        if response[0] >= 400 or cluster is None:
            return response
        cluster["Status"] = "creating"
        master = _master(cluster)
        parameters = _parameters(cluster["DBClusterParameterGroup"])
        refused = statements.problem(master, parameters)
        try:
            if not refused:
                host = self.databases.create(cluster["DBClusterArn"], cluster["Port"], master, parameters)
        except (DatabaseError, MissingProgramError, NoAddressError) as error:
            refused = str(error)
        if refused:
            cluster["DeletionProtection"] = False
            self._original["DeleteDBCluster"](
                {"DBClusterIdentifier": [cluster["DBClusterIdentifier"]], "SkipFinalSnapshot": ["true"]}
            )
            return _error("ValidationError", refused)
        # One server reads and writes; the instances take their endpoint from the cluster's.
        endpoint = {"Address": host, "Port": cluster["Port"], "HostedZoneId": cluster["HostedZoneId"]}
        cluster.update(Status="available", Endpoint=host, ReaderEndpoint=host)
        cluster.update(_shared_endpoint=endpoint, _shared_internal_address=host)
        return _shown_cluster("CreateDBCluster", cluster)

    def _modify_cluster(self, request: Request) -> Response:
        cluster = rds._resolve_cluster_in_request_region(rds._p(request, "DBClusterIdentifier"))
        before = _master(cluster) if cluster else Login("", "")
        password = rds._p(request, "MasterUserPassword")
        if cluster and password and (refused := statements.problem(replace(before, password=password), {})):
            return _error("InvalidParameterValue", refused)
        response = self._original["ModifyDBCluster"](request)
        if cluster and _master(cluster) != before:
            try:
                self.databases.set_password(cluster["DBClusterArn"], _master(cluster))
            except DatabaseError as error:
                cluster["_MasterUserPassword"] = before.password
                return _error("InvalidDBClusterStateFault", str(error))
        return response

    def _delete_cluster(self, request: Request) -> Response:
        cluster = rds._resolve_cluster_in_request_region(rds._p(request, "DBClusterIdentifier"))
        final = rds._p(request, "FinalDBSnapshotIdentifier")
        # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBCluster.html
        if (rds._p(request, "SkipFinalSnapshot") == "true") == bool(final):
            return _error(
                "InvalidParameterCombination", "either SkipFinalSnapshot or FinalDBSnapshotIdentifier is needed"
            )
        response = self._original["DeleteDBCluster"](request)
        if cluster and response[0] < 400:
            if final:
                rds._create_cluster_snapshot_internal(final, cluster)
            self.databases.delete(cluster["DBClusterArn"])
        return response

    def _create_instance(self, request: Request) -> Response:
        cluster = rds._resolve_cluster_in_request_region(rds._p(request, "DBClusterIdentifier"))
        if cluster is None:
            return _error(
                "InvalidParameterCombination",
                f"the embedded AWS has instances of {support.ENGINE} clusters only -> name one by DBClusterIdentifier",
            )
        return self._original["CreateDBInstance"](request)

    def _create_proxy(self, request: Request) -> Response:
        response = self._original["CreateDBProxy"](request)
        name = rds._p(request, "DBProxyName")
        if response[0] >= 400 or (proxy := rds._db_proxies.get(name)) is None:
            return response
        try:
            host = self.databases.open_proxy(proxy["DBProxyArn"], PROXY_PORT, requires_tls=proxy["RequireTLS"])
        except (NoAddressError, OSError) as error:
            self._original["DeleteDBProxy"]({"DBProxyName": [name]})
            return _error("ValidationError", f"the proxy cannot listen: {error}")
        proxy["Endpoint"] = rds._db_proxy_endpoints[name]["Endpoint"] = host
        body = f"<CreateDBProxyResult><DBProxy>{rds._db_proxy_xml(proxy)}</DBProxy></CreateDBProxyResult>"
        shown: Response = rds._xml(200, "CreateDBProxyResponse", body)
        return shown

    def _modify_proxy(self, request: Request) -> Response:
        response = self._original["ModifyDBProxy"](request)
        proxy = rds._get_db_proxy(rds._p(request, "DBProxyName"))
        if proxy and response[0] < 400:
            self.databases.require_tls(proxy["DBProxyArn"], required=proxy["RequireTLS"])
        return response

    def _delete_proxy(self, request: Request) -> Response:
        proxy = rds._get_db_proxy(rds._p(request, "DBProxyName"))
        response = self._original["DeleteDBProxy"](request)
        if proxy and response[0] < 400:
            self.databases.close_proxy(proxy["DBProxyArn"])
        return response

    def _register(self, request: Request) -> Response:
        return self._aimed("RegisterDBProxyTargets", request, _named_cluster(request))

    def _deregister(self, request: Request) -> Response:
        return self._aimed("DeregisterDBProxyTargets", request, None)

    def _aimed(self, operation: str, request: Request, cluster: Mapping[str, Any] | None) -> Response:
        response = self._original[operation](request)
        proxy = rds._get_db_proxy(rds._p(request, "DBProxyName"))
        if proxy and response[0] < 400:
            self.databases.aim(proxy["DBProxyArn"], cluster["DBClusterArn"] if cluster else None)
        return response


def _checked(name: str, operation: Operation) -> Operation:
    def handle(request: Request) -> Response:
        if refused := support.refused(name, {key: rds._p(request, key) for key in request}):
            return _error("InvalidParameterCombination", refused)
        return operation(request)

    return handle


def _named_cluster(request: Request) -> Mapping[str, Any] | None:
    named = [rds._p(request, key) for key in request if key.startswith("DBClusterIdentifiers.")]
    return rds._resolve_cluster_in_request_region(named[0]) if named else None


def _master(cluster: Mapping[str, Any]) -> Login:
    return Login(cluster["MasterUsername"], cluster["_MasterUserPassword"], cluster.get("DatabaseName") or "")


def _parameters(group: str) -> dict[str, str]:
    """Return the parameters of a DB cluster parameter group; a default group has none."""
    found = rds._db_cluster_param_groups.get(group) or {}
    return {name: str(value["ParameterValue"]) for name, value in found.get("Parameters", {}).items()}


def _shown_cluster(operation: str, cluster: Mapping[str, Any]) -> Response:
    body = f"<{operation}Result><DBCluster>{rds._cluster_xml(cluster)}</DBCluster></{operation}Result>"
    shown: Response = rds._xml(200, f"{operation}Response", body)
    return shown


def _error(code: str, message: str) -> Response:
    shown: Response = rds._error(code, escape(message), 400)
    return shown
