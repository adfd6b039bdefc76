"""The recipe: what to make, as typed YAML."""

from datagen.recipe.load import LoadedRecipe, load_recipe
from datagen.recipe.schema import MethodUse, Recipe, SplitName

__all__ = ["LoadedRecipe", "MethodUse", "Recipe", "SplitName", "load_recipe"]
