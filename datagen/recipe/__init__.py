"""The recipe: what to make, as typed YAML."""

from datagen.recipe.load import Recipe, load_recipe
from datagen.recipe.schema import MethodUse, RecipeSpec, SplitName

__all__ = ["MethodUse", "Recipe", "RecipeSpec", "SplitName", "load_recipe"]
