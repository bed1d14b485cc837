"""Arrays of numbers, from whatever form they come in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Floats


def to_array(values: Any) -> NDArray[Any]:
    """Return anything that ``np.asarray`` takes as an array; torch tensors may be on a GPU or carry a gradient.

    Types that NumPy lacks (bfloat16) become float32, which holds them exactly. A data frame of numbers and booleans,
    nullable ones too, becomes float64 if its columns share no type; pandas.NA becomes NaN. So do masked numbers, also
    in a list of masked rows.
    """
    if hasattr(values, "toarray"):
        raise TypeError(f"an array must be dense; got a sparse {type(values).__name__}. Pass its toarray().")
    if hasattr(values, "detach") and hasattr(values, "cpu"):
        layout, device = (str(getattr(values, name, "")) for name in ("layout", "device"))
        if layout not in ("", "torch.strided") or device == "meta":
            raise TypeError(
                f"a tensor must be dense and hold data; got layout {layout} on {device}. Pass its to_dense()."
            )
        values = values.detach().cpu()
        if _is_small_float(values):
            values = values.float()
    if isinstance(values, list | tuple) and any(map(np.ma.isMaskedArray, values)):
        values = np.ma.array(values)
    if np.ma.isMaskedArray(values) and values.dtype.kind in "biuf" and np.ma.is_masked(values):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    try:
        array = np.asarray(values)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ValueError(
            "an array must have rows of one length; got rows of different lengths. Pad or cut them."
        ) from None
    if _is_small_float(array):
        array = array.astype(np.float32)
    if array.dtype == object and is_frame(values) and not columns_of_no_numbers(values):
        array = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return array


def _is_small_float(array: Any) -> bool:
    """Return whether the type is a small floating type of torch or ml_dtypes, which NumPy cannot compute with."""
    return str(getattr(array, "dtype", "")).removeprefix("torch.").startswith(("bfloat16", "float8"))


def is_frame(values: Any) -> bool:
    """Return whether values are a data frame, whose columns have names and types."""
    return hasattr(values, "columns") and hasattr(values, "dtypes")


def columns_of_no_numbers(table: Any) -> list[tuple[Any, Any]]:
    """Return name and type of the columns of a data frame that are neither numbers nor booleans."""
    columns = zip(table.columns, table.dtypes, strict=True)
    return [(name, kind) for name, kind in columns if getattr(kind, "kind", "O") not in "biuf"]


def check_numeric(values: Any, name: str) -> NDArray[Any]:
    """Return `values` as an array of real numbers, whose type and shape are kept."""
    try:
        array = to_array(values)
    except ValueError:
        raise ValueError(f"`{name}` must have rows of one length; got rows of different lengths.") from None
    if array.dtype.kind not in "biufc":
        if is_frame(values) and (bad := columns_of_no_numbers(values)):
            raise TypeError(
                f"`{name}` must be numeric; column {bad[0][0]!r} is of dtype {bad[0][1]}. "
                f"Leave this column out, or turn it into numbers."
            )
        raise TypeError(f"`{name}` must be numeric; got dtype {array.dtype}.")
    if np.issubdtype(array.dtype, np.complexfloating):
        raise TypeError(f"`{name}` must be real; got dtype {array.dtype}.")
    return array


def as_floats(values: Any, name: str, what: str) -> Floats:
    """Return an array of float64; errors say that the argument must be `what`."""
    try:
        array = to_array(values)
        if array.dtype.kind == "c":  # NumPy would drop the imaginary part.
            raise TypeError
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError):
        if isinstance(values, list | tuple) and len({len(row) for row in values if hasattr(row, "__len__")}) > 1:
            lengths = sorted({len(row) for row in values if hasattr(row, "__len__")})
            raise ValueError(
                f"`{name}` must be {what} whose rows have one length; got lengths {', '.join(map(str, lengths))}."
            ) from None
        shown = repr(values) if isinstance(values, str) else type(values).__name__
        raise TypeError(f"`{name}` must be {what}; got {shown}.") from None
