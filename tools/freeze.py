"""Freeze the manifest of a finished release: its rows and digests, without images.

python tools/freeze.py OUT manifests/NAME.parquet
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq

from datagen.release.reader import Release

# What identifies an image and how it was made; geometry and terms follow from these.
COLUMNS = (
    *("sample_id", "pair_id", "kind", "label", "split", "sha256", "phash", "media_size"),
    *("image_id", "identity_id", "donor_image_id", "donor_identity_id", "method"),
    *("method_version", "method_params", "encoder", "recipe_digest", "item", "attempt"),
    *("change", "mask_area"),
)


def main() -> None:
    """Write the frozen manifest."""
    release = Release(sys.argv[1])
    table = release.table(columns=COLUMNS, format="arrow")
    made = release.record["made"]["with"]
    frozen = {
        "libraries": made["libraries"],
        "machine": {key: made["machine"][key] for key in ("architecture", "cpu_features")},
        "index_digest": release.record["index_digest"],
        "counts": release.record["counts"],
    }
    table = table.replace_schema_metadata({"datagen.frozen": json.dumps(frozen, sort_keys=True)})
    pq.write_table(table, Path(sys.argv[2]), compression="zstd", compression_level=19)
    print(f"{sys.argv[2]}: {table.num_rows} rows, {Path(sys.argv[2]).stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
