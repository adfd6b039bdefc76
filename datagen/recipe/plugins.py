"""Methods and degradations defined in a single file (``--plugin``), sent to workers as text."""

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
        name: Path of the file, for messages and tracebacks.
        text: Content of the file.
    """

    name: str
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the content, 64 hex digits."""
        return sha256_bytes(self.text.encode())

    def load(self) -> list[str]:
        """Run the file once per process, register what it defines and return the names.

        Raises:
            RecipeError: The file raises an error, or defines neither a method nor a degradation.
        """
        module_name = f"datagen_plugin_{self.digest[:16]}"
        if module_name in sys.modules:
            return []
        module = ModuleType(module_name)
        module.__file__ = self.name
        sys.modules[module_name] = module  # so that what it defines can be pickled by name
        try:
            exec(compile(self.text, self.name, "exec"), module.__dict__)  # noqa: S102  # the user's own file
        except (Exception, SystemExit) as error:  # the user must fix whatever the file raises
            del sys.modules[module_name]
            raise RecipeError(
                f"--plugin {self.name}: {type(error).__name__}: {error}", path=self.name
            ) from error
        try:
            return self._register(module)
        except RecipeError as error:
            del sys.modules[module_name]  # or the next attempt would look like a second load
            raise RecipeError(f"--plugin {self.name}: {error}", path=self.name) from error

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
            raise RecipeError("the file defines no Method or Degradation with a 'name'")
        for value in found:
            if issubclass(value, Method):
                METHODS.add(value.name, value)
            else:
                DEGRADATIONS.add(value.name, value)
        return [value.name for value in found]


def read_plugin(path: Path) -> Plugin:
    """Read a plug-in file.

    Raises:
        RecipeError: The file cannot be read.
    """
    try:
        return Plugin(str(path), path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"--plugin {path}: cannot be read: {error}", path=path) from None
