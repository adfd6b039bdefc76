"""Plug-ins that break their contract in one way each: exit 2, with name, rule and pair."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.world import World

METHOD = '''
from pathlib import Path

import numpy as np

from datagen.core.schema import Frozen
from datagen.methods import Method, Result


class Params(Frozen):
    amount: int


class Broken(Method):
    """Brightens a square."""

    name = {name!r}
    family = "attribute_edit"
    params = Params
    min_change = 1.0

    def sample(self, rng, ctx):
        amount = int(rng.integers(30, 60))
        return Params(amount=amount)

    def apply(self, ctx, params):
        calls = Path({calls!r})
        calls.write_text(calls.read_text() + "apply ")
        image = ctx.target.image.copy()
        mask = np.zeros(image.shape[:2], np.uint8)
        mask[20:40, 20:40] = 255
        amount = params.amount
        image[20:40, 20:40] = np.minimum(image[20:40, 20:40], 250 - amount) + np.uint8(amount)
        return Result(image, mask, ctx.target.landmarks)

    def control(self, ctx, params):
        control = ctx.target.image
        return control
'''

# What is replaced, by what, and what the user is then told.
METHODS = {
    "float_image": (
        "return Result(image,",
        "return Result(image.astype(np.float32),",
        "(height, width, 3) uint8",
    ),
    "list_image": (
        "return Result(image,",
        "return Result(image.tolist(),",
        "expected a NumPy array, got list",
    ),
    "small_image": ("return Result(image,", "return Result(image[1:],", "an image of (95, 96, 3)"),
    "nothing": (
        "return Result(image, mask, ctx.target.landmarks)",
        "return None",
        "returned NoneType, expected a Result",
    ),
    "outside": (
        "mask[20:40, 20:40]",
        "mask[20:40, 20:30]",
        "a fake that differs from its real where the mask is 0",
    ),
    "mask_of_ones": ("= 255", "= 1", "a mask of at most 1: 255 is fully replaced"),
    "draws": (
        "amount = params.amount",
        "amount = int(np.random.default_rng().integers(0, 60))\n"
        "        image[20:40, 20:40] = np.random.default_rng().integers(0, 99, (20, 20, 3))",
        "gave two results for the same params",
    ),
    "writes": (
        "amount = params.amount",
        "amount = params.amount; ctx.target.image[0, 0] = 0",
        "writes to its inputs",
    ),
    "params": (
        "return Params(amount=amount)",
        "return {'amount': amount}",
        "returned dict from 'sample', expected its params model Params",
    ),
    "params_refused": (
        "return Params(amount=amount)",
        "return Params(amount='much')",
        "params_refused.py, line 24): amount: must be ",
    ),
    "far_control": (
        "control = ctx.target.image",
        "control = ctx.target.image.copy(); control[20:40, 20:40] ^= 255",
        "dB inside the mask, at least 30 dB required",
    ),
    "control_outside": (
        "control = ctx.target.image",
        "control = 255 - ctx.target.image",
        "a control that differs from its real where the mask is 0",
    ),
}

DEGRADATION = '''
import numpy as np

from datagen.core.schema import Frozen
from datagen.degradations import Degradation


class Params(Frozen):
    amount: int = 9


class Broken(Degradation):
    """Darkens."""

    name = {name!r}
    options = Params
    params = Params
    levels = ()

    def sample(self, rng, shape):
        return self.config

    def apply(self, image, params):
        degraded = np.maximum(image, params.amount) - np.uint8(params.amount)
        return degraded
'''

DEGRADATIONS = {
    "half": (
        "return degraded",
        "return degraded[::2]",
        "returned (48, 96, 3) uint8, expected (96, 96, 3) uint8",
    ),
    "list": ("return degraded", "return degraded.tolist()", "returned list, expected a NumPy arr"),
    "draws": (
        "return degraded",
        "return degraded // np.uint8(2) + np.random.default_rng().integers(\n"
        "            0, 99, image.shape).astype(np.uint8)",
        "gave two results for the same params",
    ),
    "writes": ("degraded = ", "image -= 1; degraded = ", "writes to its input"),
    "params": ("return self.config", "return {}", "returned dict from 'sample', expected its par"),
    "params_refused": (
        "return self.config",
        "return Params(amout=3)",
        "params_refused_degradation.py, line 21): amout: unknown key",
    ),
}


def write_plugin(folder: Path, text: str, name: str, change: tuple[str, str, str]) -> list[str]:
    """Write a broken plug-in and return the options of the command that use it."""
    assert change[0] in text
    path = folder / f"{name}.py"
    (folder / "calls").touch()
    calls = str(folder / "calls")
    path.write_text(text.replace("{name!r}", repr(name)).replace("{calls!r}", repr(calls)))
    path.write_text(path.read_text().replace(change[0], change[1]))
    use = f"methods=[{{use: {name}, share: 1}}]"
    if "Degradation" in text:
        use = f"degradations=[{{use: {name}, share: 1}}]"
    return ["--plugin", str(path), "--set", use, "--set", "controls=1"]


def refused(stderr: str, what: str, rule: str) -> None:
    """Check what the user reads."""
    (told,) = re.findall(r"(?s)error: .*", stderr)
    text = " ".join(told.split())
    assert re.search(r"pair small-(train|test)-0000000\d: ", text), text
    assert what in text
    assert rule in text
    assert "Traceback" not in stderr


@pytest.mark.parametrize("case", METHODS)
def test_a_broken_method_ends_the_run(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    name = f"broken_{case}"
    options = write_plugin(tmp_path, METHOD, name, METHODS[case])
    assert world.generate(tmp_path / "out", "--inline", *options) == 2
    refused(capsys.readouterr().err, f"method '{name}'", METHODS[case][2])
    assert not (tmp_path / "out" / "release.json").exists()
    assert not list((tmp_path / "out").glob("commits/*"))
    # No retry: at most one pair was made, applied once more to see that it is repeatable, or to
    # see whether it writes to its inputs.
    assert (tmp_path / "calls").read_text().count("apply") <= 2


@pytest.mark.parametrize("case", DEGRADATIONS)
def test_a_broken_degradation_ends_the_run(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    name = f"broken_{case}_degradation"
    options = write_plugin(tmp_path, DEGRADATION, name, DEGRADATIONS[case])
    assert world.generate(tmp_path / "out", "--inline", *options) == 2
    refused(capsys.readouterr().err, f"degradation '{name}'", DEGRADATIONS[case][2])
    assert not (tmp_path / "out" / "release.json").exists()


@pytest.mark.ray
def test_workers_report_it_too(
    ray_cluster: object, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for text, cases, what in (
        (METHOD, METHODS, "method"),
        (DEGRADATION, DEGRADATIONS, "degradation"),
    ):
        name = f"broken_on_ray_{what}"
        options = write_plugin(tmp_path, text, name, cases["writes"])
        assert world.generate(tmp_path / what, *options) == 2
        refused(capsys.readouterr().err, f"{what} '{name}'", cases["writes"][2])


def test_the_unbroken_plugins_pass(world: World, tmp_path: Path) -> None:
    """So that what ends the runs above is the one change."""
    same = ("import numpy", "import numpy", "")
    method = write_plugin(tmp_path, METHOD, "unbroken", same)
    degradation = write_plugin(tmp_path, DEGRADATION, "unbroken_degradation", same)
    assert world.generate(tmp_path / "out", "--inline", *method, *degradation) == 0
