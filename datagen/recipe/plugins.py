"""Methods and degradations defined in a single file (``--plugin``), sent to workers as text."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from datagen.core.python_file import PythonFile
from datagen.degradations import DEGRADATIONS, Degradation
from datagen.errors import RecipeError
from datagen.methods import METHODS, Method

__all__ = ["Plugin", "plugin_file", "read_plugin"]

_PREFIX = "datagen_plugin"


class Plugin(PythonFile):
    """A Python file that defines methods or degradations."""

    __slots__ = ()

    def load(self) -> list[str]:
        """Run the file once per process, register what it defines and return the names.

        Raises:
            RecipeError: The file raises an error, or defines neither a method nor a degradation.
        """
        if (known := sys.modules.get(self.module_name(_PREFIX))) is not None:
            self._register(known)  # the registry may have been reset since
            return []
        try:
            module = self.run(_PREFIX)
        except (Exception, SystemExit) as error:  # the user must fix whatever the file raises
            raise RecipeError(f"{self.name}: {self.mistake(error)}", path=self.name) from error
        try:
            return self._register(module)
        except RecipeError as error:
            del sys.modules[module.__name__]  # or the next attempt would look like a second load
            raise RecipeError(f"{self.name}: {error}", path=self.name) from error

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


def plugin_file(name: str, digest: str) -> str:
    """Return the name of a plug-in's source in a release.

    Args:
        name: Name of its file.
        digest: Its SHA-256 digest.
    """
    return f"plugins/{digest[:12]}-{name}"


def read_plugin(path: Path) -> Plugin:
    """Read a plug-in file.

    Raises:
        RecipeError: The file cannot be read.
    """
    return Plugin.read(path, RecipeError)
