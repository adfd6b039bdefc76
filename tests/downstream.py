"""A program that uses the package, as somebody else would type it; checked, never run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

import datagen as dg


class Params(dg.Frozen):
    amount: int


class Darker(dg.Method):
    name: ClassVar[str] = "darker"
    family = "attribute_edit"
    params = Params
    min_change = 1.0

    def sample(self, rng: np.random.Generator, ctx: dg.Context) -> Params:
        return Params(amount=int(rng.integers(5, 20)))

    def apply(self, ctx: dg.Context, params: Any) -> dg.Result:
        mask = np.full(ctx.target.image.shape[:2], 255, np.uint8)
        return dg.Result(ctx.target.image // 2, mask, ctx.target.landmarks)


def detector(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    return np.asarray(images.mean(axis=(1, 2, 3)) / 255, np.float64)


def use(path: str) -> tuple[float, bool | None]:
    recipe: dg.Recipe = dg.load_recipe(path, overrides={"splits.train": 20}, plugins=["darker.py"])
    overview: dg.PlanOverview = dg.plan(recipe, limit=10)
    frame: pd.DataFrame = overview.to_frame()
    warnings: tuple[str, ...] = overview.warnings
    try:
        release: dg.Release = dg.generate(recipe, "out", workers=2, progress=False)
    except dg.RunError as error:
        raise SystemExit(str(error)) from error
    problems: list[str] = release.verify() + dg.verify("out", pixels=True)
    for pair in release.pairs(split="train", method=["darker"], where={"severity": None}):
        image: npt.NDArray[np.uint8] = pair.fake
        params: dict[str, Any] = pair.params
        control: npt.NDArray[np.uint8] | None = pair.control
        seen: tuple[object, ...] = (image.shape, params, control, pair.row["sha256"])
        assert len(seen) <= len(frame) + len(warnings) + 4
    rows: pd.DataFrame = release.table(columns=["sample_id"], split="test")
    scores: pd.DataFrame = dg.score(release, detector, split="test", inline=True)
    result: dg.EvaluationResult = dg.evaluate("out", scores, baseline="old.parquet")
    metrics: Mapping[str, float] = result.metrics
    faces: dg.FaceCollection = dg.open_index(recipe)
    face: dg.IndexedFace = faces[0]
    made: dg.PreviewPair = dg.preview("self_blend", face, options={"parts": ["mouth"]}, seed=7)
    result.to_html("page.html")
    page: str = result.to_html()
    assert len(faces[1:3]) <= len(rows) + len(page) + len(problems) + made.fake.ndim
    return metrics["auc"], result.passed
