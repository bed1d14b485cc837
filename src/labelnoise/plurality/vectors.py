"""Vectors of eight doubles inside compiled kernels.

numba leaves it to LLVM whether a loop becomes vector instructions, and whether intermediate results stay in registers.
For the contour engine it often decides against both. So that engine's kernels name their vectors: a value of the type
`vector` is an LLVM vector of eight doubles, which LLVM maps to what the processor has (one AVX-512 register, two of
AVX2, four of SSE2 or NEON). Vectors have ``+``, ``-``, ``*`` and the functions of this module. A product and a sum may
be fused into one multiply-add.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic as numba_intrinsic
from numba.extending import lower_builtin, models, register_model, type_callable

intrinsic: Callable[[Any], Any] = numba_intrinsic  # What it returns is only called inside kernels.

WIDTH = 8
"""Number of doubles in a vector."""

_DOUBLE, _INT, _INDEX = ir.DoubleType(), ir.IntType(64), ir.IntType(32)
_DOUBLES, _INTS = ir.VectorType(_DOUBLE, WIDTH), ir.VectorType(_INT, WIDTH)
_FLAGS = ("contract", "nsz")


class Vector(types.Type):
    """The numba type of eight doubles."""

    def __init__(self) -> None:
        super().__init__(name="vector_of_8_doubles")


vector = Vector()


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, _DOUBLES)


def _operator(function: Callable[..., Any], instruction: str) -> None:
    """Make an operator of two vectors one instruction."""

    @type_callable(function)
    def _type(context):
        return lambda left, right: vector if isinstance(left, Vector) and isinstance(right, Vector) else None

    @lower_builtin(function, Vector, Vector)
    def _lower(context, builder, signature, args):
        return getattr(builder, instruction)(*args, flags=_FLAGS)


for _function, _instruction in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _operator(_function, _instruction)


def _constant(x: float) -> ir.Constant:
    return ir.Constant(_DOUBLES, [ir.Constant(_DOUBLE, float(x))] * WIDTH)


def _integers(n: int) -> ir.Constant:
    return ir.Constant(_INTS, [ir.Constant(_INT, n)] * WIDTH)


def _call(builder, name, *args):
    """Call one of LLVM's own functions on vectors."""
    kind = ir.FunctionType(_DOUBLES, [_DOUBLES] * len(args))
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v8f64"), args)


def _multiply_add(builder, x, y, z):
    return _call(builder, "fma", x, y, z)


def _polynomial(builder, x, coefficients):
    """Return the polynomial with the given coefficients, that of the highest power first."""
    value = _constant(coefficients[0])
    for coefficient in coefficients[1:]:
        value = _multiply_add(builder, value, x, _constant(coefficient))
    return value


def _splat(builder, scalar):
    undefined = ir.Constant(_DOUBLES, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(_INDEX, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_INDEX, WIDTH), [0] * WIDTH))


def _address(context, builder, array_type, array, index):
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [index])


@intrinsic
def fill(typing_context, x):
    """Return a vector with x in every lane."""
    return vector(types.float64), lambda context, builder, signature, args: _splat(builder, args[0])


@intrinsic
def fill_from(typing_context, array, i):
    """Return a vector with ``array[i]`` in every lane; the index is not checked."""

    def generate(context, builder, signature, args):
        return _splat(builder, builder.load(_address(context, builder, signature.args[0], *args)))

    return vector(array, types.intp), generate


@intrinsic
def load(typing_context, array, i):
    """Return ``array[i : i + 8]`` of a contiguous array of doubles; the indices are not checked."""

    def generate(context, builder, signature, args):
        address = _address(context, builder, signature.args[0], *args)
        return builder.load(builder.bitcast(address, _DOUBLES.as_pointer()), align=8)

    return vector(array, types.intp), generate


@intrinsic
def store(typing_context, array, i, x):
    """Write a vector to ``array[i : i + 8]``; the indices are not checked."""

    def generate(context, builder, signature, args):
        address = _address(context, builder, signature.args[0], args[0], args[1])
        builder.store(args[2], builder.bitcast(address, _DOUBLES.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), generate


@intrinsic
def minimum(typing_context, x, y):
    """Return the smaller one of two numbers in every lane."""
    return vector(vector, vector), lambda context, builder, signature, args: _call(builder, "minnum", *args)


@intrinsic
def maximum(typing_context, x, y):
    """Return the larger one of two numbers in every lane."""
    return vector(vector, vector), lambda context, builder, signature, args: _call(builder, "maxnum", *args)


@intrinsic
def divide(typing_context, x, y):
    """Return x / y."""
    return vector(vector, vector), lambda context, builder, signature, args: builder.fdiv(*args)


@intrinsic
def square_root(typing_context, x):
    """Return the square root."""
    return vector(vector), lambda context, builder, signature, args: _call(builder, "sqrt", *args)


@intrinsic
def add_up(typing_context, x):
    """Return the sum of the eight lanes, added in pairs."""

    def generate(context, builder, signature, args):
        parts = [builder.extract_element(args[0], ir.Constant(_INDEX, lane)) for lane in range(WIDTH)]
        while len(parts) > 1:
            parts = [builder.fadd(*parts[i : i + 2]) for i in range(0, len(parts), 2)]
        return parts[0]

    return types.float64(vector), generate


_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_EXP = [1 / math.factorial(n) for n in range(12, -1, -1)]  # The next term is below 2e-16 where |x| <= log(2) / 2.


@intrinsic
def exp(typing_context, x):
    """Return e to the power of x, for -700 <= x <= 700; below -700 what it is there. The error is about 1e-16."""

    def generate(context, builder, signature, args):
        x = _call(builder, "maxnum", args[0], _constant(-700.0))
        n = _call(builder, "rint", builder.fmul(x, _constant(_LOG2_E)))
        rest = _multiply_add(builder, builder.fneg(n), _constant(_LN2_HIGH), x)
        rest = _multiply_add(builder, builder.fneg(n), _constant(_LN2_LOW), rest)
        exponent = builder.shl(builder.add(builder.fptosi(n, _INTS), _integers(1023)), _integers(52))
        return builder.fmul(_polynomial(builder, rest, _EXP), builder.bitcast(exponent, _DOUBLES))

    return vector(vector), generate


# The reduction by pi / 2 in three parts and the coefficients are those of fdlibm (Sun Microsystems, 1993).
_HALF_PI = (1.57079632673412561417e00, 6.07710050630396597660e-11, 2.02226624879595063154e-21)
_SINE = [1.58969099521155010221e-10, -2.50507602534068634195e-08, 2.75573137070700676789e-06]
_SINE += [-1.98412698298579493134e-04, 8.33333333332248946124e-03, -1.66666666666666324348e-01]
_COSINE = [-1.13596475577881948265e-11, 2.08757232129817482790e-09, -2.75573143513906633035e-07]
_COSINE += [2.48015872894767294178e-05, -1.38888888888741095749e-03, 4.16666666666666019037e-02, -0.5, 1.0]


@intrinsic
def cos_sin(typing_context, x):
    """Return cosine and sine, for |x| up to 1e5. The error is about 1e-16."""
    kind = types.UniTuple(vector, 2)

    def generate(context, builder, signature, args):
        n = _call(builder, "rint", builder.fmul(args[0], _constant(2 / math.pi)))
        rest = args[0]
        for part in _HALF_PI:
            rest = _multiply_add(builder, builder.fneg(n), _constant(part), rest)
        square = builder.fmul(rest, rest)
        odd_part = builder.fmul(_polynomial(builder, square, _SINE), square)
        sine, cosine = _multiply_add(builder, odd_part, rest, rest), _polynomial(builder, square, _COSINE)
        quarter = builder.fptosi(n, _INTS)

        def bit(number, mask):
            return builder.icmp_signed("!=", builder.and_(number, _integers(mask)), _integers(0))

        swapped = bit(quarter, 1)
        sine, cosine = builder.select(swapped, cosine, sine), builder.select(swapped, sine, cosine)
        sine = builder.select(bit(quarter, 2), builder.fneg(sine), sine)
        cosine = builder.select(bit(builder.add(quarter, _integers(1)), 2), builder.fneg(cosine), cosine)
        return context.make_tuple(builder, kind, (cosine, sine))

    return kind(vector), generate
