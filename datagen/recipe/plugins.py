"""Methods and degradations of a single file (``--plugin``), carried to the workers as text."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from datagen.core.digests import sha256_bytes
from datagen.degradations import DEGRADATIONS, Degradation
from datagen.errors import RecipeError
from datagen.methods import METHODS, Method

__all__ = ["Plugin", "read_plugin"]


@dataclass(frozen=True, slots=True)
class Plugin:
    """A Python file that defines methods or degradations.

    Attributes:
        name: Of the file, for messages and tracebacks.
        text: Its content.
    """

    name: str
    text: str

    @property
    def digest(self) -> str:
        """64 hex digits of the content."""
        return sha256_bytes(self.text.encode())

    def load(self) -> list[str]:
        """Run the file once in this process and register what it defines; return the names.

        Raises:
            RecipeError: It does not run, or defines neither method nor degradation.
        """
        module_name = f"datagen_plugin_{self.digest[:16]}"
        if module_name in sys.modules:
            return []
        module = ModuleType(module_name)
        module.__file__ = self.name
        sys.modules[module_name] = module  # so that what it defines can be pickled by name
        try:
            exec(compile(self.text, self.name, "exec"), module.__dict__)  # noqa: S102  # the user's own file
        except (Exception, SystemExit) as error:  # whatever the file raises is the user's to mend
            del sys.modules[module_name]
            raise RecipeError(f"--plugin {self.name}: {type(error).__name__}: {error}") from error
        try:
            return self._register(module)
        except RecipeError as error:
            del sys.modules[module_name]  # so that the next try does not pass for a second load
            raise RecipeError(f"--plugin {self.name}: {error}") from error

    def _register(self, module: ModuleType) -> list[str]:
        found = [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, Method | Degradation)
            and value.__module__ == module.__name__
            and hasattr(value, "name")
        ]
        if not found:
            raise RecipeError("defines no Method or Degradation with a 'name'")
        for value in found:
            if issubclass(value, Method):
                METHODS.add(value.name, value)
            else:
                DEGRADATIONS.add(value.name, value)
        return [value.name for value in found]


def read_plugin(path: Path) -> Plugin:
    """Read a plug-in file.

    Raises:
        RecipeError: It cannot be read.
    """
    try:
        return Plugin(str(path), path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"--plugin {path}: cannot be read: {error}") from None
