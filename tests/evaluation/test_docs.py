"""What ``docs/ci.md`` shows is what the code takes."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from datagen.evaluation.gates.limits import COLUMNS, read_gates
from datagen.evaluation.metrics.measure import METRICS

TEXT = (Path(__file__).parents[2] / "docs" / "ci.md").read_text(encoding="utf-8")
BLOCKS = {
    block.partition("\n")[0].removeprefix("# "): block
    for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
}


def test_the_gates_are_read(tmp_path: Path) -> None:
    path = tmp_path / "gates.yaml"
    path.write_text(BLOCKS["gates.yaml"], encoding="utf-8")
    assert "regression" in read_gates(path)


def test_the_workflows_are_yaml() -> None:
    steps = yaml.safe_load(BLOCKS[".github/workflows/detector.yml"])["jobs"]["evaluate"]["steps"]
    assert any("datagen evaluate" in step.get("run", "") for step in steps)
    job = yaml.safe_load(BLOCKS[".gitlab-ci.yml"])["detector"]
    assert any("datagen evaluate" in line for line in job["script"])


def test_every_metric_and_column_is_named() -> None:
    for name in (*METRICS, *COLUMNS):
        assert f"`{name}`" in TEXT, name
