"""A Python file of the user, which travels to the workers as text."""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Self

from datagen.core.digests import sha256_bytes
from datagen.core.text import reason
from datagen.errors import DatagenError

__all__ = ["PythonFile"]


@dataclass(frozen=True, slots=True)
class PythonFile:
    """A Python file, read.

    Attributes:
        name: Path of the file, for messages and tracebacks.
        text: Content of the file.
    """

    name: str
    text: str

    @classmethod
    def read(cls, path: Path, error: type[DatagenError]) -> Self:
        """Read a file of ``--plugin``; raise ``error`` if that is not possible."""
        try:
            return cls(str(path), path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as problem:
            raise error(f"{path}: cannot be read: {reason(problem)}", path=path) from None

    def mistake(self, error: BaseException) -> str:
        """Return what an error says that the file raises, with the line of the file."""
        if isinstance(error, SyntaxError):
            line, said = error.lineno, error.msg
        else:
            frames = traceback.extract_tb(error.__traceback__)
            own = [frame.lineno for frame in frames if frame.filename == self.name]
            line, said = own[-1] if own else None, str(error)
            if isinstance(error, OSError) and error.strerror:
                said = f"{error.strerror}: {error.filename!r}"
        where = f"line {line}: " if line else ""
        return f"{where}{type(error).__name__}: {said}"

    @property
    def digest(self) -> str:
        """SHA-256 of the content, 64 hex digits."""
        return sha256_bytes(self.text.encode())

    @property
    def stem(self) -> str:
        """File name without suffix."""
        return Path(self.name).stem

    def module_name(self, prefix: str) -> str:
        """Return the name under which ``run`` registers the module."""
        return f"{prefix}_{self.digest[:16]}"

    def run(self, prefix: str) -> ModuleType:
        """Run the file, once per process, and return its module; raises what the file raises.

        Args:
            prefix: First part of the module's name: files that are run for different uses are
                different modules.
        """
        name = self.module_name(prefix)
        if name not in sys.modules:
            module = ModuleType(name)
            module.__file__ = self.name
            sys.modules[name] = module  # so that what it defines can be pickled by name
            try:
                exec(compile(self.text, self.name, "exec"), module.__dict__)  # noqa: S102  # the user's own
            except BaseException:
                del sys.modules[name]
                raise
        return sys.modules[name]
