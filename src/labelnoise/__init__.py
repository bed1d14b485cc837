"""What wrong labels do to a classifier, before you train it.

The public names are listed, with their types, in ``__init__.pyi``; each is imported when it is first used, so that
``import labelnoise`` is instant and loads neither torch nor a plotting library.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
