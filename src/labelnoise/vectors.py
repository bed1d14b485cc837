"""Vectors of eight doubles inside compiled kernels, for those that numba does not make fast by itself.

numba leaves it to LLVM whether a loop becomes vector instructions, and whether intermediate results stay in registers.
For the contour engine and for exact distances it often decides against both. So their kernels name vectors: a value of
the type `vector` is an LLVM vector of eight doubles, which LLVM maps to what the processor has (one AVX-512 register,
two of AVX2, four of SSE2 or NEON). Vectors have ``+``, ``-``, ``*`` and the functions of this module. A product and a
sum may be fused into one multiply-add, but not in `add_product` and `add_square`.

Where i names a place, `base` is a contiguous array or a pointer to its first number, and i is not checked. A kernel
that is passed an array gets seven numbers, but for a pointer one. That matters where a call does little work, and
kernels compile faster.
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


def _address(context, builder, kind, base, index):
    if not isinstance(kind, types.CPointer):
        base = context.make_array(kind)(context, builder, base).data
    return builder.gep(base, [index])


def _read(context, builder, kind, base, index):
    return builder.load(_address(context, builder, kind, base, index))


@intrinsic
def pointer(typing_context, base, i):
    """Return a pointer to the number at i."""
    kind = types.CPointer(base.dtype)
    return kind(base, types.intp), lambda context, builder, signature, args: _address(
        context, builder, signature.args[0], *args
    )


@intrinsic
def read(typing_context, base, i):
    """Return the number at i."""
    return base.dtype(base, types.intp), lambda context, builder, signature, args: _read(
        context, builder, signature.args[0], *args
    )


@intrinsic
def write(typing_context, base, i, x):
    """Set the number at i."""

    def generate(context, builder, signature, args):
        builder.store(args[2], _address(context, builder, signature.args[0], *args[:2]))
        return context.get_dummy_value()

    return types.void(base, types.intp, base.dtype), generate


@intrinsic
def fill(typing_context, x):
    """Return a vector with x in every lane."""
    return vector(types.float64), lambda context, builder, signature, args: _splat(builder, args[0])


@intrinsic
def fill_from(typing_context, base, i):
    """Return a vector with the number at i in every lane."""
    return vector(base, types.intp), lambda context, builder, signature, args: _splat(
        builder, _read(context, builder, signature.args[0], *args)
    )


@intrinsic
def load(typing_context, base, i):
    """Return the numbers at i, ..., i + 7, which may be of type float32."""

    def generate(context, builder, signature, args):
        address = _address(context, builder, signature.args[0], *args)
        if base.dtype == types.float64:
            return builder.load(builder.bitcast(address, _DOUBLES.as_pointer()), align=8)
        kind = ir.VectorType(context.get_value_type(base.dtype), WIDTH)
        return builder.fpext(builder.load(builder.bitcast(address, kind.as_pointer()), align=4), _DOUBLES)

    return vector(base, types.intp), generate


@intrinsic
def load_one(typing_context, base, i):
    """Return a vector with the number at i, which may be of type float32, in the first lane, and zeros."""

    def generate(context, builder, signature, args):
        number = _read(context, builder, signature.args[0], *args)
        if base.dtype != types.float64:
            number = builder.fpext(number, _DOUBLE)
        return builder.insert_element(_constant(0.0), number, ir.Constant(_INDEX, 0))

    return vector(base, types.intp), generate


@intrinsic
def store(typing_context, base, i, x):
    """Write a vector to i, ..., i + 7."""

    def generate(context, builder, signature, args):
        address = _address(context, builder, signature.args[0], *args[:2])
        builder.store(args[2], builder.bitcast(address, _DOUBLES.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(base, types.intp, vector), generate


@intrinsic
def prefetch(typing_context, base, i):
    """Begin to bring the number at i, and those beside it, into the processor's caches; i may be out of range."""

    def generate(context, builder, signature, args):
        address = _address(context, builder, signature.args[0], *args)
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, _INDEX, _INDEX, _INDEX])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(function, [builder.bitcast(address, byte), *(ir.Constant(_INDEX, n) for n in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(base, types.intp), generate


@intrinsic
def add_product(typing_context, total, x, y):
    """Return total + x y, the product rounded before it is added: the same bits on every processor."""
    return vector(vector, vector, vector), lambda context, builder, signature, args: builder.fadd(
        args[0], builder.fmul(args[1], args[2])
    )


@intrinsic
def add_square(typing_context, total, x, y):
    """Return total + (x - y)^2, each operation rounded: the same bits on every processor."""

    def generate(context, builder, signature, args):
        difference = builder.fsub(args[1], args[2])
        return builder.fadd(args[0], builder.fmul(difference, difference))

    return vector(vector, vector, vector), generate


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


_TO_INTEGER = 1.5 * 2**52
"""Added to a double below 2^51, this rounds it to an integer, which is then in its lowest bits.

Processors before AVX-512 cannot turn doubles into 64-bit integers eight or four at a time.
"""


def _nearest_integer(builder, x):
    """Return the nearest integers as doubles, and 64-bit integers whose lowest bits are theirs.

    The sum must not be taken apart again, so it has none of the flags of `_operator`.
    """
    shifted = builder.fadd(x, _constant(_TO_INTEGER))
    return builder.fsub(shifted, _constant(_TO_INTEGER)), builder.bitcast(shifted, _INTS)


_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_EXP = [1 / math.factorial(n) for n in range(12, -1, -1)]  # The next term is below 2e-16 where |x| <= log(2) / 2.


@intrinsic
def exp(typing_context, x):
    """Return e to the power of x, for -700 <= x <= 700; below -700 what it is there. The error is about 1e-16."""

    def generate(context, builder, signature, args):
        x = _call(builder, "maxnum", args[0], _constant(-700.0))
        n, bits = _nearest_integer(builder, builder.fmul(x, _constant(_LOG2_E)))
        rest = _multiply_add(builder, builder.fneg(n), _constant(_LN2_HIGH), x)
        rest = _multiply_add(builder, builder.fneg(n), _constant(_LN2_LOW), rest)
        exponent = builder.shl(builder.add(bits, _integers(1023)), _integers(52))
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
        n, quarter = _nearest_integer(builder, builder.fmul(args[0], _constant(2 / math.pi)))
        rest = args[0]
        for part in _HALF_PI:
            rest = _multiply_add(builder, builder.fneg(n), _constant(part), rest)
        square = builder.fmul(rest, rest)
        odd_part = builder.fmul(_polynomial(builder, square, _SINE), square)
        sine, cosine = _multiply_add(builder, odd_part, rest, rest), _polynomial(builder, square, _COSINE)

        def bit(number, mask):
            return builder.icmp_signed("!=", builder.and_(number, _integers(mask)), _integers(0))

        swapped = bit(quarter, 1)
        sine, cosine = builder.select(swapped, cosine, sine), builder.select(swapped, sine, cosine)
        sine = builder.select(bit(quarter, 2), builder.fneg(sine), sine)
        cosine = builder.select(bit(builder.add(quarter, _integers(1)), 2), builder.fneg(cosine), cosine)
        return context.make_tuple(builder, kind, (cosine, sine))

    return kind(vector), generate
