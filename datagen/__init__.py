"""Training and benchmark data for detectors of manipulated faces.

Importing the package loads nothing heavy and asks the network for nothing; each room is
imported by its name (``datagen.recipe``, ``datagen.release``, ...).
"""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("datagen")
