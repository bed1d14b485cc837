"""The page on which noise, concentration, K and ties are chosen, and the curve moves at once."""

from labelnoise.explorer.page import GENERATOR, address_part, explorer_page

__all__ = ["GENERATOR", "address_part", "explorer_page"]
