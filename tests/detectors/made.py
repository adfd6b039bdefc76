"""Detectors for tests: networks made on the spot, a program, functions."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
from onnx import TensorProto, helper, numpy_helper

from datagen.release import Folder
from datagen.release.reader import Release

__all__ = ["PROGRAM", "expected", "mean_network", "onnx_mean", "read_rows", "released"]

PROGRAM = """
import csv, sys
import numpy as np
from PIL import Image

paths = open(sys.argv[1]).read().split()
with open(sys.argv[2], "w", newline="") as handle:
    out = csv.writer(handle)
    out.writerow(["path", "score"])
    for path in paths:
        if sys.argv[3:] and sys.argv[3] in path:
            continue
        out.writerow([path, float(np.asarray(Image.open(path).convert("RGB")).mean() / 255)])
"""
"""Scores an image by its mean gray, and leaves out what a third argument names."""


def released(out: Path) -> Release:
    return Release(Folder(str(out)))


def expected(out: Path) -> dict[str, float]:
    """Return the mean of each image from 0 to 1, which is what the detectors here answer."""
    release = released(out)
    rows = release.manifest
    return {
        str(row["sample_id"]): float(release.image(row).mean() / 255)
        for row in rows.to_dict("records")
    }


def read_rows(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path).set_index("sample_id")


def onnx_mean(path: Path, side: int | str = "side", batch: int | str = "n") -> Path:
    """Write a network that answers the mean of its input, ``(n, 1)``."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["means"], name="pool"),
        helper.make_node("ReduceMean", ["means", "axes"], ["flat"], name="mean", keepdims=0),
        helper.make_node("Reshape", ["flat", "column"], ["y"], name="column_of"),
    ]
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, side, side])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 1])],
        [
            numpy_helper.from_array(np.asarray([1, 2, 3], np.int64), "axes"),
            numpy_helper.from_array(np.asarray([-1, 1], np.int64), "column"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def mean_network(torch: Any) -> Any:
    """Return a module that answers two logits whose softmax has the mean in place 1."""

    class Mean(torch.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            mean = x.mean(dim=(1, 2, 3))
            return torch.stack([torch.log(1 - mean), torch.log(mean)], dim=1)

    return Mean().eval()


def png(value: int, side: int = 40) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.full((side, side, 3), value, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
