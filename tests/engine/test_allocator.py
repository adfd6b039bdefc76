from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from datagen.engine.allocator import keep_freed_memory

# How often a fresh process takes a page fault when it makes and drops 8 arrays of 1 MiB 50 times.
FAULTS = """
import resource, sys
import numpy as np
from datagen.engine.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def work():
    [np.ones(2**18, np.float32) for _ in range(8)]
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    command = [sys.executable, "-c", FAULTS, how]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_it_never_fails() -> None:
    assert keep_freed_memory() is keep_freed_memory()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_freed_memory_is_reused() -> None:
    assert faults("keep") < 2048 < faults("default")  # 2048 pages are 8 MiB
