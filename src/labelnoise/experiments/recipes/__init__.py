"""The paper's figures, each a recipe: a frozen specification at three scales that says which runs it is made of.

`catalogue` names them; each of the other modules is one kind of figure.
"""

from labelnoise.experiments.recipes.catalogue import CATALOGUE, Entry, recipe_named
from labelnoise.experiments.recipes.protocol import Heading, Outcome, Recipe
from labelnoise.experiments.recipes.scales import SCALES

__all__ = ["CATALOGUE", "SCALES", "Entry", "Heading", "Outcome", "Recipe", "recipe_named"]
