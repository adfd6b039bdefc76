"""Two checkouts of datagen against each other: CPU time of the main job, alternating (ABBA).

Each round runs old, new, new, old as processes of their own, so that a machine whose speed drifts
favors neither. Prints the median ratio of CPU times, old over new (above 1: new is faster), with a
95 % bootstrap interval over rounds. Usage:

    python benchmarks/abba.py OLD NEW [--recipe recipes/quickstart.yaml] [--limit 300] [--rounds 10]

OLD and NEW are folders of checkouts; each runs its own copy of the recipe.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np


def cpu_seconds(checkout: Path, cache: Path, recipe: str, limit: int) -> float:
    """Return user and system seconds of one inline run of a checkout with a cache of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "datagen", "generate", str(checkout / recipe)]
        subprocess.run(  # noqa: S603 - the checkouts that the caller names
            [*command, "-o", f"{folder}/out", "--inline", "--limit", str(limit)],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout), "DATAGEN_CACHE": str(cache)},
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def interval(ratios: list[float]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the median."""
    rng = np.random.Generator(np.random.Philox(1))
    medians = np.median(rng.choice(ratios, (2000, len(ratios))), axis=1)
    low, high = np.quantile(medians, [0.025, 0.975])
    return float(low), float(high)


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("old", type=lambda text: Path(text).resolve())
    parser.add_argument("new", type=lambda text: Path(text).resolve())
    parser.add_argument("--recipe", default="recipes/quickstart.yaml")
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args(arguments)
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        caches = {given.old: Path(folder, "old"), given.new: Path(folder, "new")}
        for checkout, cache in caches.items():
            cpu_seconds(checkout, cache, given.recipe, 1)  # fills the cache of the face index
        for number in range(given.rounds):
            taken = {given.old: 0.0, given.new: 0.0}
            for checkout in (given.old, given.new, given.new, given.old):
                taken[checkout] += cpu_seconds(
                    checkout, caches[checkout], given.recipe, given.limit
                )
            old, new = taken[given.old], taken[given.new]
            ratios.append(old / new)
            print(f"round {number + 1}: {old:.2f} s old, {new:.2f} s new", flush=True)
    low, high = interval(ratios)
    print(f"old / new CPU time: {statistics.median(ratios):.3f} ({low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
