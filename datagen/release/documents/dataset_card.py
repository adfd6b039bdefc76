"""``README.md`` of a release: a dataset card with Hugging Face front matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import yaml

__all__ = ["dataset_card"]


def dataset_card(
    name: str,
    version: int,
    purpose: str,
    counts: Mapping[str, int],
    methods: Mapping[str, str],
    licenses: Sequence[str],
) -> bytes:
    """Return the card as UTF-8 Markdown.

    Args:
        name: Name of the release.
        version: Version of the recipe.
        purpose: Purpose of the release in words.
        counts: Number of planned pairs by split.
        methods: Family of each manipulation by its name.
        licenses: SPDX expressions of the sources and the networks.
    """
    front = {
        "pretty_name": name,
        "license": "other",
        "license_name": " AND ".join(licenses),
        "license_link": "rights/ATTRIBUTION.md",
        "task_categories": ["image-classification"],
        "tags": ["deepfake-detection", "face-forgery", "webdataset"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": "validation" if split == "val" else split, "path": path}
                    for split in counts
                    for path in [f"manifest/{split}-*.parquet"]
                ],
            }
        ],
    }
    rows = "\n".join(f"| {split} | {count} |" for split, count in counts.items())
    made = "\n".join(f"- `{method}` ({family})" for method, family in methods.items())
    return (
        f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n\n"
        f"# {name}, version {version}\n\n"
        "Pairs of a real face and a manipulated copy of it that differ in the manipulation and "
        "nothing else, made by `datagen` from `recipe.yaml`.\n\n"
        f"| split | planned pairs |\n| --- | --- |\n{rows}\n\nManipulations:\n\n{made}\n\n"
        f"## Use\n\nMade for: {purpose}. The data is for training and testing detectors of "
        "manipulated faces. It must not be used to deceive, identify or harass anyone, "
        "nor to train generators that imitate the people depicted. Terms and attribution: "
        "[rights/ATTRIBUTION.md](rights/ATTRIBUTION.md).\n\n"
        "## Read\n\n```python\nimport pandas as pd\n\nrows = pd.read_parquet('manifest')\n```\n\n"
        "An image is the `media_size` bytes at `media_offset` of `media_path`; the tars can be "
        "streamed as WebDatasets. `datagen verify .` compares every file with `release.json`.\n"
    ).encode()
