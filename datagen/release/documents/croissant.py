"""``croissant.json``: the release in MLCommons Croissant 1.1, with its RAI vocabulary."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from datagen.release.schema import COLUMNS

__all__ = ["croissant_document"]

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "repeated": "cr:repeated",
    "sc": "https://schema.org/",
    "source": "cr:source",
}

_TYPES = {
    "string": "sc:Text",
    "int8": "sc:Integer",
    "int16": "sc:Integer",
    "int32": "sc:Integer",
    "int64": "sc:Integer",
    "float": "sc:Float",
    "double": "sc:Float",
}


def croissant_document(
    name: str, version: int, licenses: Sequence[str], counts: Mapping[str, Any]
) -> bytes:
    """Return the JSON-LD as bytes.

    Args:
        name: Name of the release.
        version: Version of the recipe.
        licenses: SPDX expressions of the sources and the networks.
        counts: Number of planned pairs by split.
    """
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.1",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "name": name,
        "version": f"{version}.0.0",
        "description": (
            "Pairs of a real face and a manipulated copy of it, for training and testing "
            f"detectors of manipulated faces. Planned pairs: {dict(counts)}."
        ),
        "license": list(licenses),
        "isLiveDataset": False,
        "rai:dataManipulationProtocol": (
            "Every fake is made from its own real by the method in column 'method' with the "
            "values in 'method_params'; both share the same crop, degradation and encoder."
        ),
        "rai:dataUseCases": "Training and evaluation of detectors of manipulated faces.",
        "rai:personalSensitiveInformation": (
            "Images of faces, used under the licenses and consents in rights/."
        ),
        "distribution": [_tables(), _tars()],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "images",
                "name": "images",
                "description": "One row per image.",
                "field": [
                    _field(column.name, str(column.type), column.description) for column in COLUMNS
                ],
            }
        ],
    }
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _tables() -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": "manifest-files",
        "name": "manifest-files",
        "encodingFormat": "application/x-parquet",
        "includes": "manifest/*.parquet",
    }


def _tars() -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": "media-files",
        "name": "media-files",
        "encodingFormat": "application/x-tar",
        "includes": "media/*.tar",
    }


def _field(name: str, arrow: str, description: str) -> dict[str, Any]:
    repeated = arrow.startswith("list")
    inner = arrow.partition(": ")[2].rstrip(">") if repeated else arrow
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"images/{name}",
        "name": name,
        "description": description,
        "dataType": _TYPES[inner],
        "source": {"fileSet": {"@id": "manifest-files"}, "extract": {"column": name}},
    }
    return {**field, "repeated": True} if repeated else field
