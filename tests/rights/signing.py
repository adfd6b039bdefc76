"""License files of model packs, signed by a key of the tests."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from insightface.model_zoo.model_license import canonical_license_bytes

__all__ = ["KEY", "sign", "write_trusted_keys"]

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def write_trusted_keys(package: Path) -> None:
    """Write the folder of trusted keys as it lies in the library's package."""
    folder = package / "trusted_keys"
    folder.mkdir(parents=True)
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "tests.pem").write_bytes(public)


def sign(pack: Path, **changes: Any) -> Path:
    """Write a signed ``MODEL.LICENSE`` for the pack in that folder; ``None`` leaves a key out."""
    document: dict[str, Any] = {
        "license_version": 1,
        "license_id": "T-1",
        "issuer": "InsightFace",
        "model_id": pack.name,
        "grant": "commercial",
        "customer": "Detectors Ltd",
        "valid_from": "2025-01-01T00:00:00Z",
        "valid_until": "2999-01-01T00:00:00Z",
        **changes,
    }
    document = {key: value for key, value in document.items() if value is not None}
    signature = KEY.sign(canonical_license_bytes(document))
    document["signature"] = base64.urlsafe_b64encode(signature).decode().rstrip("=")
    place = pack / "MODEL.LICENSE"
    place.write_text(json.dumps(document), encoding="utf-8")
    return place
