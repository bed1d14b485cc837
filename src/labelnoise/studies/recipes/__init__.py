"""The paper's figures, each a recipe: a frozen specification at three scales that says which runs it is made of.

`catalog` names them; each of the other modules is one kind of figure.
"""

from labelnoise.studies.recipes.catalog import CATALOG, Entry, recipe_named
from labelnoise.studies.recipes.recipe import Heading, Outcome, Recipe, conclude
from labelnoise.studies.recipes.settings import SCALES

__all__ = ["CATALOG", "SCALES", "Entry", "Heading", "Outcome", "Recipe", "conclude", "recipe_named"]
