# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate authority of the embedded AWS, for its HTTPS listeners; its key is in memory only."""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from embedded_aws.front.model import Certificate

AUTHORITY = "ca.pem"
LIFETIME = timedelta(days=365)
EARLIER = timedelta(hours=1)  # since clocks differ
COMMON_NAME_LIMIT = 64  # characters: https://www.rfc-editor.org/rfc/rfc5280#appendix-A.1


class Authority:
    """The certificate authority of one start of the embedded AWS."""

    def __init__(self, directory: Path) -> None:
        """Create the authority, and write its certificate into a directory of this user."""
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Embedded AWS, local load balancers")
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        certificate = (
            _builder(self._name, self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(identifier, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.path = directory / AUTHORITY
        _write(self.path, certificate.public_bytes(serialization.Encoding.PEM))

    def certificate(self, names: Iterable[str]) -> Certificate:
        """Return the files of a certificate for domain names and addresses; the first is its subject."""
        wanted = list(dict.fromkeys(names))
        stem = f"certificate-{hashlib.sha256(','.join(wanted).encode()).hexdigest()[:16]}"
        chain, key_file = self._directory / f"{stem}.pem", self._directory / f"{stem}.key"
        if not key_file.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
            certificate = (
                _builder(_name(wanted[0]), self._name, key.public_key())
                .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in wanted]), critical=False)
                .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
                .add_extension(issuer, critical=False)
                .sign(self._key, hashes.SHA256())
            )
            _write(chain, certificate.public_bytes(serialization.Encoding.PEM))
            _write(
                key_file,
                key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                ),
            )
        return Certificate(str(chain), str(key_file))


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + LIFETIME)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:COMMON_NAME_LIMIT])])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
