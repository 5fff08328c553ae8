"""All that makes one clip again, as a file: a model, its settings, and what was asked of it. Imports no torch."""

from counterpoint.recipe.kinds import KINDS, ContinueRecipe, GenerateRecipe, InpaintRecipe, read_recipe
from counterpoint.recipe.recipe import Made, Recipe

__all__ = ["KINDS", "ContinueRecipe", "GenerateRecipe", "InpaintRecipe", "Made", "Recipe", "read_recipe"]
