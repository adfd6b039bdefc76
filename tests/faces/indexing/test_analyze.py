"""Which analyzer a process keeps open."""

from __future__ import annotations

from datagen.faces.analyzers.given import Given
from datagen.faces.indexing.analyze import opened


class Counted(Given):
    """Another analyzer, which forgot to give itself a version."""

    times = 0

    def open(self) -> None:
        """Count."""
        type(self).times += 1


def test_a_process_opens_an_analyzer_once_and_never_takes_another_for_it() -> None:
    first = Counted()
    assert opened(first) is opened(Counted()) is first
    assert Counted.times == 1
    assert first.version == Given().version
    assert type(opened(Given())) is Given
