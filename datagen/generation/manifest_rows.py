"""The manifest rows of a pair, and the row of a reject."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from datagen.core.digests import canonical_json, sha256_bytes
from datagen.core.phash import phash
from datagen.errors import ItemError, RightsError
from datagen.errors.redact import portable
from datagen.faces.crop import face_box
from datagen.faces.index import Face
from datagen.generation.encoding import Encoding
from datagen.generation.pair import Pair
from datagen.generation.resemblance import Resembles
from datagen.planning import Item
from datagen.release import StoredFile
from datagen.rights import Purpose, Terms, combine
from datagen.video.encode import ClipEncoding

__all__ = [
    "PairRecord",
    "check_purposes",
    "index_reject_row",
    "known_angle",
    "pair_rows",
    "reject_row",
]

LABELS: Mapping[str, int] = {"real": 0, "control": 0, "fake": 1}


@dataclass(frozen=True, slots=True)
class PairRecord:
    """A pair with all further facts of its manifest rows.

    Attributes:
        pair: The pair as it is released; of a clip, its middle frame.
        degradation: Name of the degradation; ``None`` if the recipe has none.
        encoding: Encoder settings of all images or clips of the pair.
        target_terms: Terms of the target's image, and of the analyzer where they restrict it.
        donor_terms: Terms of the donor's image; ``None`` if there is no donor.
        weights: Terms of the networks that made the fake, by ``id@sha256``.
        enhancer: ``id@sha256`` and terms of the network that processed all images of the pair;
            ``None`` if there is none.
        recipe_digest: Digest of the recipe.
        release: Id of the release.
    """

    pair: Pair
    degradation: str | None
    encoding: Encoding | ClipEncoding
    target_terms: Terms
    donor_terms: Terms | None
    weights: Mapping[str, Terms]
    enhancer: tuple[str, Terms] | None
    recipe_digest: str
    release: str


def pair_rows(
    record: PairRecord, mask: StoredFile, images: Mapping[str, StoredFile]
) -> list[dict[str, Any]]:
    """Return the manifest rows of a pair, one per image.

    Args:
        record: The pair's facts.
        mask: The encoded mask.
        images: The encoded images by kind.
    """
    rows = []
    for number, (kind, file) in enumerate(images.items()):
        row = _image_row(record, kind, file)
        if kind == "fake":
            row |= _mask_columns(record.pair, mask)
        if record.pair.resembles is not None:
            found = record.pair.resembles if kind == "fake" else Resembles(None, None)
            row |= {"similarity_target": found.target, "similarity_donor": found.donor}
        if record.pair.degraded is not None:
            operations = {"operations": record.pair.degraded.operations[number]}
            row["degradation_params"] = canonical_json(operations)
            row["psnr"] = record.pair.degraded.psnr[number]
        rows.append(row)
    return rows


def _image_row(record: PairRecord, kind: str, file: StoredFile) -> dict[str, Any]:
    pair = record.pair
    item, target, crop, image = pair.item, pair.target, pair.crop, pair.images[kind]
    landmarks = pair.landmarks[kind]
    donor = pair.donor if kind == "fake" else None
    networks = dict(record.weights) if kind == "fake" else {}
    if record.enhancer is not None:
        networks |= [record.enhancer]
    terms = _terms(record, kind, networks)
    return {
        "release_id": record.release,
        "sample_id": f"{item.pair_id}-{kind}",
        "pair_id": item.pair_id,
        "kind": kind,
        "label": LABELS[kind],
        "split": item.split,
        "media_path": file.path,
        "media_offset": file.offset,
        "media_size": len(file.data),
        "media_type": record.encoding.media_type,
        "width": image.shape[1],
        "height": image.shape[0],
        "sha256": sha256_bytes(file.data),
        "phash": phash(image),
        "source": target.source,
        "image_id": target.face_id,
        "identity_id": crop.identity,
        "source_sha256": target.sha256,
        "crop": [float(value) for value in pair.matrix.ravel()],
        "donor_image_id": donor.face_id if donor else None,
        "donor_identity_id": f"{donor.source}/{donor.identity}" if donor else None,
        "method": pair.method.name,
        "method_version": pair.method.version,
        "family": pair.method.family,
        "method_params": canonical_json(pair.params.model_dump(mode="json")),
        "weights": list(networks),
        "degradation": record.degradation,
        "severity": item.severity,
        "enhancer": record.enhancer[0] if record.enhancer else None,
        "encoder": canonical_json(record.encoding.record()),
        "recipe_digest": record.recipe_digest,
        "item": item.number,
        "base_id": item.base_id,
        "attempt": pair.attempt,
        "box": None if landmarks is None else face_box(landmarks).tolist(),
        "landmarks": None if landmarks is None else landmarks.ravel().tolist(),
        "age": target.age,
        "sex": target.sex,
        "ethnicity": target.ethnicity,
        "yaw": None if landmarks is None else known_angle(crop.yaw),
        "pitch": None if landmarks is None else known_angle(crop.pitch),
        "roll": None if landmarks is None else known_angle(crop.roll + pair.rotation),
        "licenses": list(terms.licenses),
        "purposes": terms.purposes(),
        "attribution": portable(terms.attribution),
    }


def _terms(record: PairRecord, kind: str, networks: Mapping[str, Terms]) -> Terms:
    """Combine the terms of everything that an image is made of."""
    parts = [record.target_terms]
    if kind == "fake" and record.donor_terms is not None:
        parts.append(record.donor_terms)
    parts += networks.values()
    return combine(parts) if len(parts) > 1 else parts[0]


def check_purposes(rows: Iterable[Mapping[str, Any]], purpose: Purpose) -> None:
    """Refuse a row whose own terms do not cover the purpose of the recipe.

    The gate, the index and the plan leave none; this is the last look before it is written.

    Raises:
        RightsError: Of the first such row.
    """
    for row in rows:
        if missing := [name for name in purpose.needed if name not in row["purposes"]]:
            raise RightsError(
                f"sample {row['sample_id']!r}: its licenses ({', '.join(row['licenses'])}) and the "
                f"consent of its sources do not permit {' and '.join(missing)}, which the purpose "
                f"({purpose}) needs. It is not written. Please report this as a bug of datagen",
                row=row["sample_id"],
            )


def _mask_columns(pair: Pair, mask: StoredFile) -> dict[str, Any]:
    return {
        "mask_path": mask.path,
        "mask_offset": mask.offset,
        "mask_size": len(mask.data),
        "mask_area": round(float(pair.mask.mean()) / 255, 5),
        "mask_peak": int(pair.mask.max()),
        "change": round(pair.change, 3),
        "change_released": round(pair.change_released, 3),
    }


def known_angle(angle: float) -> float | None:
    """Return an angle within half a turn, in degrees; ``None`` if it is NaN."""
    return None if math.isnan(angle) else math.remainder(angle, 360.0)


def reject_row(
    item: Item,
    method: str,
    degradation: str | None,
    target: Face,
    donor: Face | None,
    error: ItemError,
) -> dict[str, Any]:
    """Return the row of a planned pair that could not be made.

    Args:
        item: The planned item.
        method: Name of its method.
        degradation: Name of its degradation; ``None`` if it has none.
        target: Its target in the face index.
        donor: Its donor in the face index; ``None`` if it has none.
        error: Why it could not be made.
    """
    return {
        "stage": "item",
        "code": error.code,
        "detail": portable(error.detail),
        "source": target.source,
        "image_id": target.face_id,
        "pair_id": item.pair_id,
        "split": item.split,
        "item": item.number,
        "method": method,
        "degradation": degradation,
        "donor_image_id": donor.face_id if donor else None,
    }


def index_reject_row(source: str, image_id: str, code: str, detail: str) -> dict[str, Any]:
    """Return the row of an image or face that the index rejected."""
    return {
        "stage": "index",
        "code": code,
        "detail": portable(detail),
        "source": source,
        "image_id": image_id,
    }
