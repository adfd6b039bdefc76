"""Whose face a fake shows, judged by two embedders that did not see each other's training.

For each method, the cosine similarity of fakes of the London set (before degradation) to the
donor's and to the target's photograph, and the share that is nearer to the donor. For ``morph``
also the mated morph presentation match rate (Scherhag et al., BIOSIG 2017): the share of morphs
that pass the threshold of the embedder's card for both people, against the photographs used and
against each person's other photograph. Usage, with DATAGEN_LONDON and DATAGEN_WEIGHTS set:

    python benchmarks/identity.py [METHOD ...] [--pairs 318] [--options '{identity: strong}']
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from datagen.core.progress import Progress
from datagen.engine import InlineEngine
from datagen.errors import ItemError
from datagen.faces.crop import CropJitter
from datagen.faces.face import FaceCrop
from datagen.faces.reader import FaceReader
from datagen.generation.pair import Draft, PairStarter
from datagen.generation.prepare import index_faces, prepare
from datagen.methods import METHODS, Result
from datagen.networks.onnx.identity import IdentityNetwork, cosine, open_identity
from datagen.planning import Plan
from datagen.recipe import load_recipe

RECIPE = str(Path(__file__).resolve().parent.parent / "recipes" / "london.yaml")
EMBEDDERS = ("mobileface", "faceres")
DEFAULT = ("cross_blend", "mesh_swap", "landmark_swap", "morph")
DONOR = {"strategy": "nearest_landmarks", "match": ["sex"], "pool_size": 20}


def fakes(
    method: str, options: Mapping[str, Any], pairs: int
) -> Iterator[tuple[Draft, Result, dict[str, FaceCrop | None]]]:
    """Yield drafts with their fakes, and another photograph of the target and of the donor."""
    entry: dict[str, Any] = {"use": method, "share": 1, **options}
    if METHODS.load(method).needs_donor:
        entry["donor"] = DONOR
    overrides = {"methods": [entry], "splits": {"train": pairs}, "split.shares": {"train": 1}}
    recipe = load_recipe(RECIPE, overrides)
    sources = recipe.sources()
    index = index_faces(prepare(recipe), sources, InlineEngine, Progress()).index
    spec = recipe.spec
    reader = FaceReader(
        {source.card.id: source for source in sources}, spec.face.size, spec.face.margin
    )
    starter, plan = PairStarter(recipe, index, reader), Plan(recipe, index)
    persons = index.column("identity")

    def another(face: int | None, flip: bool) -> FaceCrop | None:
        for number, person in enumerate(persons):
            if face is not None and number != face and person == persons[face]:
                return reader.crop(index.face(number), CropJitter(flip=flip))[0]
        return None

    for number in range(pairs):
        item = plan.item("train", number)
        try:
            draft = starter.start(item)
            result = draft.apply()
        except ItemError:
            continue
        flip = bool(np.linalg.det(draft.matrix[:, :2]) < 0)
        others = {"target": another(item.target, flip), "donor": another(item.donor, flip)}
        yield draft, result, others


def similarities(
    network: IdentityNetwork, draft: Draft, result: Result, others: Mapping[str, FaceCrop | None]
) -> dict[str, float]:
    """Return the cosines of one fake, by what it is compared with."""
    made = network.face(result.image, result.landmarks)
    seen = {
        "target": draft.ctx.target,
        "donor": draft.ctx.donor,
        "other target": others["target"],
        "other donor": others["donor"],
    }
    return {
        name: np.nan if face is None else cosine(made, network.face(face.image, face.landmarks))
        for name, face in seen.items()
    }


def measure(
    method: str, options: Mapping[str, Any], pairs: int
) -> dict[str, dict[str, np.ndarray[Any, Any]]]:
    """Return the cosines of all fakes of a method, by embedder and by what they compare with."""
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in EMBEDDERS}
    for draft, result, others in fakes(method, options, pairs):
        for name in EMBEDDERS:
            rows[name].append(similarities(open_identity(name), draft, result, others))
    return {
        name: {key: np.array([row[key] for row in found]) for key in found[0]}
        for name, found in rows.items()
    }


def main(arguments: list[str] | None = None) -> None:
    """Print one line per method and embedder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", default=DEFAULT)
    parser.add_argument("--pairs", type=int, default=318)
    parser.add_argument("--options", default="{}", help="options of the methods, as YAML")
    given = parser.parse_args(arguments)
    print("| method | embedder | to donor | to target | nearer to donor | MMPMR | others |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for method in given.methods:
        for name, found in measure(method, yaml.safe_load(given.options), given.pairs).items():
            match = open_identity(name).contract.match
            ours, theirs = found["target"], found["donor"]
            cells = [
                f"{np.mean(theirs):.3f}",
                f"{np.mean(ours):.3f}",
                f"{np.mean(theirs > ours):.1%}",
            ]
            for prefix in ("", "other "):
                both = np.minimum(found[f"{prefix}target"], found[f"{prefix}donor"])
                cells.append(f"{np.mean(both > match):.1%}" if method == "morph" else "")
            print(f"| `{method}` | {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
