"""What wrong labels do to a classifier, before you train it.

The public names are listed, with their types, in ``__init__.pyi``; each is imported when it is first used, so that
``import labelnoise`` is instant and loads neither torch nor a plotting library.
"""

from typing import Any as _Any

import lazy_loader as _lazy

_public_name, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)


def __getattr__(name: str) -> _Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("labelnoise")
    return _public_name(name)
