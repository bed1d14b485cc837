"""The paper's figures and further studies.

`runs` says how each piece of work is specified and done, and `recipes` which runs make up a figure and what comes out
of them. `run_recipes` turns recipes into folders of tables, pictures and specifications, `together` trains networks of
one shape at once, and `overrides` changes the fields of a recipe by name.
"""
