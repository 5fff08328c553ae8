"""All that makes one clip again, as a file: a model, its settings, and what was asked of it. Imports no torch."""

from counterpoint.recipe.kinds import KINDS, ContinueRecipe, GenerateRecipe, InpaintRecipe
from counterpoint.recipe.recipe import Made, Recipe, read_recipe

__all__ = ["KINDS", "ContinueRecipe", "GenerateRecipe", "InpaintRecipe", "Made", "Recipe", "read_recipe"]
