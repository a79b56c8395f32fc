"""Pictures with C2PA manifests, signed offline by keys that are made here and trusted by nobody."""

from __future__ import annotations

import json
import warnings
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
REMOTE = json.dumps(
    {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
        "builder": {"thumbnail": {"enabled": False}},
    }
)


@cache
def _signer() -> c2pa.C2paSignerInfo:
    """Of a leaf with the purposes that the standard asks for, below a root of its own. Without any time stamp."""
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, leaf_name = (
        x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "stanguard tests"),
                x509.NameAttribute(NameOID.COMMON_NAME, name),
            ]
        )
        for name in ("root", "leaf")
    )
    root = (
        _certificate(root_name, root_name, root_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        _certificate(leaf_name, root_name, leaf_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key = leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return c2pa.C2paSignerInfo(b"es256", leaf.public_bytes(pem) + root.public_bytes(pem), key, None)


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def action(source_type: str, name: str = "c2pa.created", agent: str = "") -> dict[str, Any]:
    """One action of a manifest, by the last part of its digital source type."""
    done: dict[str, Any] = {"action": name, "digitalSourceType": TYPES + source_type}
    return done | ({"softwareAgent": {"name": agent}} if agent else {})


def signed(
    picture: bytes,
    *actions: dict[str, Any],
    kind: str = "image/jpeg",
    generator: str = "stanguard tests",
    remote: str | None = None,
    parent: bytes | None = None,
    assertions: tuple[dict[str, Any], ...] = (),
) -> bytes:
    """A picture with a manifest, or, with ``remote``, with nothing but that address of one."""
    manifest: dict[str, Any] = {
        "claim_generator_info": [{"name": generator, "version": "1"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": list(actions)}}, *assertions],
    }
    target = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = c2pa.Context.from_dict(json.loads(REMOTE))
        builder = c2pa.Builder(json.dumps(manifest), context=context)
        if parent is not None:
            builder.add_ingredient(json.dumps({"title": "parent", "relationship": "parentOf"}), kind, BytesIO(parent))
        if remote is not None:
            builder.set_no_embed()
            builder.set_remote_url(remote)
        builder.sign(c2pa.Signer.from_info(_signer()), kind, BytesIO(picture), target)
    return target.getvalue()
