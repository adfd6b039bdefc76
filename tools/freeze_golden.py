"""Freeze the current output of every plug-in, for tests/golden.

python tools/freeze_golden.py            all; drops those no longer registered
python tools/freeze_golden.py NAME ...   these methods and degradations, or "procedural"
python tools/freeze_golden.py --networks what the real networks in DATAGEN_WEIGHTS make
python tools/freeze_golden.py --media    the digests of the frozen benchmark's media files

An entry whose bytes changed while the ``version`` of its class did not increase is refused. Methods
with networks use the small ones of the tests: ``DATAGEN_SMALL_WEIGHTS`` names a folder that keeps
them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

if TYPE_CHECKING:
    from tests.support.small.build import SmallWeights

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def freeze_media() -> None:
    """Copy the columns of the frozen benchmark that describe its media files."""
    from tests.golden.made import MEDIA, MEDIA_COLUMNS, RELEASED

    table = pq.read_table(RELEASED, columns=list(MEDIA_COLUMNS)).replace_schema_metadata()
    pq.write_table(table, MEDIA, compression="zstd", compression_level=19)
    print(f"{MEDIA.name}: {table.num_rows} rows, {MEDIA.stat().st_size / 1e6:.1f} MB")


def freeze(names: list[str]) -> list[str]:
    """Freeze these plug-ins, or all; return why some were refused."""
    from tests.golden import made

    keys = [key for key in made.registered() if not names or key.partition("/")[2] in names]
    if unknown := set(names) - {key.partition("/")[2] for key in keys}:
        return [f"no method or degradation is called {', '.join(sorted(unknown))}"]
    frozen, refused = made.Frozen(), []
    if not (made.FOLDER / "inputs").exists():
        made.write_inputs(made.FOLDER / "inputs")
    small = None
    if any(map(made.learned, keys)):
        small = _small(os.environ.get("DATAGEN_SMALL_WEIGHTS") or tempfile.mkdtemp())
    for key in keys:
        try:
            print(key, "frozen" if frozen.freeze(made.make(key, small)) else "unchanged")
        except ValueError as error:
            refused.append(str(error))
    if not names:
        for key in set(frozen.entries) - set(keys):
            frozen.drop(key)
            print(key, "dropped")
    frozen.write()
    return refused


def _small(folder: str) -> SmallWeights:
    from tests.support.small.all import build_all

    os.environ["DATAGEN_WEIGHTS"] = folder
    return build_all(Path(folder))


def main() -> None:
    """Freeze what the command line names."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    if "--media" in sys.argv[1:]:
        freeze_media()
    elif "--networks" in sys.argv[1:]:
        from tests.golden.networks import freeze_networks

        for name, new in freeze_networks().items():
            print(name, "frozen" if new else "unchanged")
    elif refused := freeze(sys.argv[1:]):
        raise SystemExit("\n".join(refused))


if __name__ == "__main__":
    main()
