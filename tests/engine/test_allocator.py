from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from datagen.engine.allocator import keep_freed_memory

# How often a fresh process takes a page fault when it makes a 512 KiB array 200 times.
FAULTS = """
import resource, sys
import numpy as np
from datagen.engine.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
np.ones(2**17, np.float32)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(200):
    np.ones(2**17, np.float32)
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
    assert faults("keep") < 500 < faults("default")  # 512 KiB are 128 pages
