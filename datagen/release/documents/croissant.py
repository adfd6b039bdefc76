"""``croissant.json``: a data set in MLCommons Croissant 1.1, with its RAI vocabulary."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from datagen.core.media import VIDEO_TYPES, suffix_of
from datagen.release.clip_schema import ANY_MANIFEST, FRAMES, manifest_schema
from datagen.release.names import SPLITS

__all__ = ["PAIRS", "About", "croissant_document", "file_set", "record_sets", "release_croissant"]

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
    "bool": "sc:Boolean",
}


PAIRS = ("Pairs of a real face", "Pairs of video clips: a real face")
"""How a description begins, for images and for clips."""


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
        clips: Media type of its clips, or of their frames; ``None`` for images.
        identity: Whether its rows tell whom the fakes resemble.
    """

    release: str
    name: str
    version: int
    licenses: Sequence[str]
    purpose: Mapping[str, Any]
    counts: Mapping[str, int]
    clips: str | None = None
    identity: bool = False


def release_croissant(about: About) -> bytes:
    """Return the document of a release: its manifest as records, its tars as files."""
    files = [
        file_set("manifest-files", "application/x-parquet", "manifest/*.parquet"),
        file_set("media-files", "application/x-tar", "media/*.tar"),
    ]
    schema = manifest_schema(about.clips is not None, about.identity)
    if about.clips is None:
        return croissant_document(about, files, record_sets("manifest-files", schema))
    files.append(file_set("frames-files", "application/x-parquet", "frames/*.parquet"))
    records = record_sets("manifest-files", schema, "clips")
    records.append(_record_set("frames-files", FRAMES, "frames", "One row per frame of a clip."))
    if about.clips in VIDEO_TYPES:
        inside = file_set("video-files", about.clips, f"*.{suffix_of(about.clips)}")
        files.append({**inside, "containedIn": {"@id": "media-files"}})
    return croissant_document(about, files, records)


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
            f"{PAIRS[about.clips is not None]} and a manipulated copy of it, for training and "
            "testing detectors of manipulated faces. Planned pairs: "
            f"{dict(about.counts)}.{passed_on}"
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
            f"{'Images' if about.clips is None else 'Videos'} of faces, used under the licenses "
            "and consents in rights/." + passed_on
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


def record_sets(files: str, schema: pa.Schema, name: str = "images") -> list[dict[str, Any]]:
    """Return the splits, and one record set with a field for each column of Parquet files.

    Args:
        files: Id of the set of files.
        schema: Their schema; a field's description is taken from the manifest's.
        name: What a row is: ``images`` or ``clips``.
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
    return [splits, _record_set(files, schema, name, f"One row per {name.removesuffix('s')}.")]


def _record_set(files: str, schema: pa.Schema, name: str, description: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": description,
        "field": [_field(files, field, name) for field in schema],
    }


def _field(files: str, field: pa.Field, records: str) -> dict[str, Any]:
    kind, name = field.type, field.name
    extract: dict[str, Any] = {"extract": {"column": name}}
    if pa.types.is_struct(kind):  # an image or video: its bytes and its name
        data_type = "sc:VideoObject" if records == "clips" else "sc:ImageObject"
        extract["transform"] = {"jsonPath": "bytes"}
    else:
        data_type = _TYPES[str(_innermost(kind))]
    own = field.metadata or (
        ANY_MANIFEST.field(name).metadata if name in ANY_MANIFEST.names else None
    )
    made: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{records}/{name}",
        "name": name,
        "description": own[b"description"].decode() if own else f"the {name}",
        "dataType": ["sc:Text", "cr:Split"] if name == "split" else data_type,
        "source": {"fileSet": {"@id": files}, **extract},
    }
    if pa.types.is_list(kind):
        nested = pa.types.is_list(kind.value_type)
        return {**made, "isArray": True, "arrayShape": "-1,2" if nested else "-1"}
    return made


def _innermost(kind: pa.DataType) -> pa.DataType:
    return _innermost(kind.value_type) if pa.types.is_list(kind) else kind
