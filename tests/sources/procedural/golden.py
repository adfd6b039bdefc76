"""Two small images kept to notice a change that VERSION does not announce.

Run ``python -m tests.sources.procedural.golden`` after raising VERSION.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datagen.sources import procedural

PATH = Path(__file__).with_name("golden.npz")
SIZE = 96
NUMBERS = ((3, 1, 0), (3, 8, 2))


def main() -> None:
    portraits = [procedural.render(*numbers, size=SIZE) for numbers in NUMBERS]
    np.savez_compressed(
        PATH,
        version=np.array(procedural.VERSION),
        images=np.stack([portrait.image for portrait in portraits]),
        meshes=np.stack([portrait.mesh for portrait in portraits]),
    )


if __name__ == "__main__":
    main()
