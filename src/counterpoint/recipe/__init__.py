"""Recipes: files from which a clip can be drawn again, with a model, its settings and its controls. No torch."""

from counterpoint.recipe.kinds import KINDS, ContinueRecipe, GenerateRecipe, InpaintRecipe, read_recipe
from counterpoint.recipe.recipe import Made, Recipe

__all__ = ["KINDS", "ContinueRecipe", "GenerateRecipe", "InpaintRecipe", "Made", "Recipe", "read_recipe"]
