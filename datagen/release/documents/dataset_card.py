"""``README.md`` of a release: a dataset card with Hugging Face front matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from datagen.core.media import VIDEO_TYPES
from datagen.release.documents.croissant import PAIRS, About
from datagen.release.documents.hub import license_fields, size_category, terms_fields

__all__ = ["dataset_card", "front_matter"]


def front_matter(about: About, sources: Sequence[str], tags: Sequence[str]) -> dict[str, Any]:
    """Return what the hub reads at the head of a card.

    Args:
        about: What the data set says about itself.
        sources: Ids of the source cards.
        tags: Tags beside the common ones.
    """
    terms = terms_fields(about.purpose)
    images = 2 * sum(about.counts.values())
    return {
        "pretty_name": about.name,
        **license_fields(about.licenses),
        "task_categories": [f"{'image' if about.clips is None else 'video'}-classification"],
        "size_categories": [size_category(images)],
        "source_datasets": [
            "original" if source == "procedural" else f"extended|other-{source}"
            for source in sources
        ],
        "tags": ["deepfake-detection", "face-forgery", *tags, *terms.pop("tags", [])],
        **terms,
    }


def dataset_card(
    about: About, purpose: str, methods: Mapping[str, str], sources: Sequence[str]
) -> bytes:
    """Return the card as UTF-8 Markdown.

    Args:
        about: What the release says about itself.
        purpose: Purpose of the release in words.
        methods: Family of each manipulation by its name.
        sources: Ids of the source cards.
    """
    data_files = [
        {"split": "validation" if split == "val" else split, "path": f"manifest/{split}-*.parquet"}
        for split in about.counts
    ]
    front = front_matter(about, sources, ["webdataset"])
    front["configs"] = [{"config_name": "default", "data_files": data_files}]
    name, version, counts = about.name, about.version, about.counts
    rows = "\n".join(f"| {split} | {count} |" for split, count in counts.items())
    made = "\n".join(f"- `{method}` ({family})" for method, family in methods.items())
    return (
        f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n\n"
        f"# {name}, version {version}\n\n"
        f"{PAIRS[about.clips is not None]} and a manipulated copy of it that differ in the "
        "manipulation and nothing else, made by `datagen` from `recipe.yaml`.\n\n"
        f"| split | planned pairs |\n| --- | --- |\n{rows}\n\nManipulations:\n\n{made}\n\n"
        f"## Use\n\nMade for: {purpose}. The data is for training and testing detectors of "
        "manipulated faces. It must not be used to deceive, identify or harass anyone, "
        "nor to train generators that imitate the people depicted. Terms and attribution: "
        "[rights/ATTRIBUTION.md](rights/ATTRIBUTION.md).\n\n"
        f"{_read(about)}`datagen verify .` compares every file with `release.json`.\n"
    ).encode()


def _read(about: About) -> str:
    rows = "rows = pd.read_parquet('manifest')"
    if about.clips is None:
        what = "An image is the `media_size` bytes at `media_offset` of `media_path`"
    else:
        rows += "\nframes = pd.read_parquet('frames')  # one row per frame of every clip"
        kind = "clip" if about.clips in VIDEO_TYPES else "clip, a tar of its frames,"
        what = (
            f"A {kind} is the `media_size` bytes at `media_offset` of `media_path`. Its frames are "
            "consecutive frames of a video where `stride` is 1; masks are lossless, one frame "
            "for each of the clip's"
        )
    return (
        f"## Read\n\n```python\nimport pandas as pd\n\n{rows}\n```\n\n"
        f"{what}; the tars can be streamed as WebDatasets. "
    )
