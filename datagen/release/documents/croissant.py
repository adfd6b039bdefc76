"""``croissant.json``: a data set in MLCommons Croissant 1.1, with its RAI vocabulary."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from datagen.release.names import SPLITS
from datagen.release.schema import MANIFEST

__all__ = ["About", "croissant_document", "file_set", "record_sets", "release_croissant"]

# The context of Croissant 1.1, to the letter: readers warn about any other.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
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


@dataclass(frozen=True, slots=True)
class About:
    """What a data set says about itself.

    Attributes:
        release: Id of the release.
        name: Name of the release.
        version: Version of the recipe.
        licenses: SPDX expressions of the sources and the networks.
        purpose: The purpose as in ``release.json``.
        counts: Number of planned pairs by split.
    """

    release: str
    name: str
    version: int
    licenses: Sequence[str]
    purpose: Mapping[str, Any]
    counts: Mapping[str, int]


def release_croissant(about: About) -> bytes:
    """Return the document of a release: its manifest as records, its tars as files."""
    files = [
        file_set("manifest-files", "application/x-parquet", "manifest/*.parquet"),
        file_set("media-files", "application/x-tar", "media/*.tar"),
    ]
    return croissant_document(about, files, record_sets("manifest-files", MANIFEST))


def croissant_document(
    about: About, distribution: Sequence[Mapping[str, Any]], records: Sequence[Mapping[str, Any]]
) -> bytes:
    """Return the JSON-LD as bytes.

    Args:
        about: What the data set says about itself.
        distribution: Its files.
        records: Its record sets.
    """
    passed_on = "" if about.purpose.get("redistribute") else " It may not be passed on."
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.1",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "name": about.name,
        "version": f"{about.version}.0.0",
        "description": (
            "Pairs of a real face and a manipulated copy of it, for training and testing "
            f"detectors of manipulated faces. Planned pairs: {dict(about.counts)}.{passed_on}"
        ),
        "license": list(about.licenses),
        "url": "README.md",
        "creator": {"@type": "sc:Organization", "name": "made with datagen"},
        "datePublished": _today().isoformat(),
        "citeAs": f"{about.name}, version {about.version} ({about.release}), made with datagen",
        "isLiveDataset": False,
        "rai:dataManipulationProtocol": (
            "Every fake is made from its own real by the method in column 'method' with the "
            "values in 'method_params'; both share the same crop, degradation and encoder."
        ),
        "rai:dataUseCases": "Training and evaluation of detectors of manipulated faces.",
        "rai:personalSensitiveInformation": (
            "Images of faces, used under the licenses and consents in rights/." + passed_on
        ),
        "distribution": list(distribution),
        "recordSet": list(records),
    }
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _today() -> dt.date:
    """Return today's date, or that of ``SOURCE_DATE_EPOCH``, as reproducible builds set it."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    now = dt.datetime.now(dt.UTC)
    return (dt.datetime.fromtimestamp(int(epoch), dt.UTC) if epoch.isdecimal() else now).date()


def file_set(name: str, media_type: str, includes: str) -> dict[str, Any]:
    """Return a set of files by the pattern of their names."""
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "encodingFormat": media_type,
        "includes": includes,
    }


def record_sets(files: str, schema: pa.Schema) -> list[dict[str, Any]]:
    """Return the splits, and one record set with a field for each column of Parquet files.

    Args:
        files: Id of the set of files.
        schema: Their schema; a field's description is taken from the manifest's.
    """
    splits = {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": "splits/name",
                "name": "name",
                "description": "Name of the split.",
                "dataType": "sc:Text",
            }
        ],
        "data": [{"splits/name": split} for split in SPLITS],
    }
    images = {
        "@type": "cr:RecordSet",
        "@id": "images",
        "name": "images",
        "description": "One row per image.",
        "field": [_field(files, field) for field in schema],
    }
    return [splits, images]


def _field(files: str, field: pa.Field) -> dict[str, Any]:
    kind, name = field.type, field.name
    extract: dict[str, Any] = {"extract": {"column": name}}
    if pa.types.is_struct(kind):  # an image: its bytes and its name
        data_type = "sc:ImageObject"
        extract["transform"] = {"jsonPath": "bytes"}
    else:
        data_type = _TYPES[str(kind.value_type if pa.types.is_list(kind) else kind)]
    known = MANIFEST.field(name).metadata if name in MANIFEST.names else None
    made: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"images/{name}",
        "name": name,
        "description": known[b"description"].decode() if known else f"the {name}",
        "dataType": ["sc:Text", "cr:Split"] if name == "split" else data_type,
        "source": {"fileSet": {"@id": files}, **extract},
    }
    return {**made, "isArray": True, "arrayShape": "-1"} if pa.types.is_list(kind) else made
