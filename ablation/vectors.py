"""Vector instructions for kernels, written once for every processor and both float types.

A kernel's inner block is written with :class:`Vectors`, which emits LLVM's vector operations,
the equivalent of a C compiler's intrinsics, without a compiler on the user's machine. The loops
around the blocks are ordinary Python, compiled by numba.
"""

import hashlib
import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from llvmlite import ir
from llvmlite.binding import llvm_version_info
from numba import config, njit, types
from numba.core import cgutils
from numba.core.caching import FunctionCache
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

from ablation.errors import StorageError
from ablation.files import cache_folder, locked, make_folder, require_writable

Value = Any  # of llvmlite, whose own types are not annotated

_INTEGER = ir.IntType(64)


def _features() -> set[str]:
    """Return the CPU features that numba compiles for: ``NUMBA_CPU_FEATURES`` or this CPU's."""
    given = config.CPU_FEATURES  # type: ignore[attr-defined]
    text = get_host_cpu_features() if given is None else given
    return {name[1:] for name in text.split(",") if name.startswith("+")}


def _vector_bytes(features: set[str]) -> int:
    if "avx512f" in features:
        return 64
    return 32 if {"avx2", "fma"} <= features else 16


VECTOR_BYTES = _vector_bytes(_features())
# Before version 16 LLVM had no type for the values of these instructions.
HAS_BF16 = {"avx512f", "avx512bf16"} <= _features() and llvm_version_info >= (16,)
LINE = 64  # bytes of a cache line, to which work arrays are aligned


@cache
def _cache_directory(room: Path) -> Path:
    """Return the cache folder for the kernels of a package's folder; each version has its own.

    Numba checks only the file of a function, not what that function calls.
    """
    state = hashlib.blake2b(digest_size=8)
    for source in (Path(__file__), *sorted(room.glob("*.py"))):
        state.update(source.read_bytes())
    return cache_folder() / "kernels" / state.hexdigest()


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile ``function`` at its first call, without the GIL, and cache it for later runs."""
    compiled = njit(nogil=True, error_model="numpy")(function)
    folder = _cache_directory(Path(inspect.getfile(function)).parent)
    previous = config.CACHE_DIR  # type: ignore[attr-defined]
    try:
        make_folder(folder)
        require_writable(folder)
        config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
        compiled._cache = _Cache(function, folder)  # type: ignore[attr-defined]
    except (StorageError, RuntimeError):  # numba raises RuntimeError for a folder it cannot use
        pass  # every process compiles for itself then
    finally:
        config.CACHE_DIR = previous  # type: ignore[attr-defined]
    return compiled


class _Cache(FunctionCache):
    """Numba's cache, made so that its faults cost only time.

    An entry that cannot be read, as after a crash or on a full disk, is dropped and compiled again.
    Processes that compile at the same time take turns to write the index.
    """

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        super().__init__(function)
        if not Path(self.cache_path).is_relative_to(folder):  # numba chose a place of its own
            raise RuntimeError(f"numba caches in {self.cache_path} instead of {folder}")
        self._lock = folder / ".lock"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # noqa: BLE001 - unpickling half a file may raise anything
            self._clear()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            with locked(self._lock):
                super().save_overload(sig, data)
        except Exception:  # noqa: BLE001 - a full disk, or an index that cannot be read
            self._clear()

    def _clear(self) -> None:
        with suppress(OSError):
            self.flush()


class Vectors:
    """Emits operations on vectors of one float type; arrays are pointers, indices count elements.

    Its methods emit instructions, and most return the resulting value.

    Attributes
    ----------
    lanes
        The number of elements of a vector.
    """

    def __init__(self, builder: Any, scalar: types.Float) -> None:
        self.builder = builder
        self.scalar = ir.FloatType() if scalar.bitwidth == 32 else ir.DoubleType()
        self.lanes = VECTOR_BYTES * 8 // scalar.bitwidth
        self.type = ir.VectorType(self.scalar, self.lanes)
        self._suffix = f"v{self.lanes}f{scalar.bitwidth}"

    # Integers: indices and counts.

    def integer(self, value: int) -> Value:
        return ir.Constant(_INTEGER, value)

    def total(self, *terms: Value | int) -> Value:
        """Return the sum of integers."""
        values = [self.integer(t) if isinstance(t, int) else t for t in terms]
        result = values[0]
        for value in values[1:]:
            result = self.builder.add(result, value)
        return result

    def times(self, value: Value, factor: Value | int) -> Value:
        """Return the product of integers."""
        factor = self.integer(factor) if isinstance(factor, int) else factor
        return self.builder.mul(value, factor)

    def element(self, array: Value, index: Value) -> Value:
        """Return one element of an array."""
        return self.builder.load(self.builder.gep(array, [index]))

    def loop(self, count: Value) -> Any:
        """Emit a loop whose body is a ``with`` block; its ``.index`` counts from 0."""
        return cgutils.for_range(self.builder, count)

    # Vectors.

    def constant(self, value: float) -> Value:
        return ir.Constant(self.type, [float(value)] * self.lanes)

    def load(self, array: Value, index: Value) -> Value:
        return self._load(array, index, self.type)

    def store(self, value: Value, array: Value, index: Value) -> None:
        place = self.builder.gep(array, [index])
        target = self.builder.bitcast(place, value.type.as_pointer())
        self.builder.store(value, target, align=1)

    def spread(self, scalar: Value) -> Value:
        """Return a vector with ``scalar`` in every lane."""
        return self._spread(scalar, self.type)

    def broadcast(self, array: Value, index: Value) -> Value:
        """Return a vector with one element of an array in every lane."""
        return self.spread(self.element(array, index))

    def add(self, a: Value, b: Value) -> Value:
        return self.builder.fadd(a, b)

    def subtract(self, a: Value, b: Value) -> Value:
        return self.builder.fsub(a, b)

    def multiply(self, a: Value, b: Value) -> Value:
        return self.builder.fmul(a, b)

    def negate(self, a: Value) -> Value:
        return self.builder.fneg(a)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """Return a * b + c, rounded once where the processor can."""
        name = f"llvm.fmuladd.{self._suffix}"
        kind = ir.FunctionType(self.type, [self.type] * 3)
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, [a, b, c])

    def variables(self, count: int, start: Value) -> list[Value]:
        """Registers that live through a loop, each holding ``start``."""
        places = [cgutils.alloca_once(self.builder, self.type) for _ in range(count)]
        for place in places:
            self.builder.store(start, place)
        return places

    def get(self, place: Value) -> Value:
        return self.builder.load(place)

    def put(self, value: Value, place: Value) -> None:
        self.builder.store(value, place)

    # Masks: one bit a lane.

    def positive(self, a: Value) -> Value:
        """Lanes in which a > 0 or is NaN, which must show in the sums."""
        return self.builder.fcmp_unordered(">", a, self.constant(0))

    def flagged(self, flags: Value, index: Value) -> Value:
        """Lanes whose byte in ``flags`` is not 0."""
        kind = ir.VectorType(ir.IntType(8), self.lanes)
        return self.builder.icmp_unsigned(
            "!=", self._load(flags, index, kind), ir.Constant(kind, [0] * self.lanes)
        )

    def first_lanes(self, count: Value) -> Value:
        """Return the first ``count`` lanes."""
        kind = ir.VectorType(_INTEGER, self.lanes)
        numbers = ir.Constant(kind, list(range(self.lanes)))
        return self.builder.icmp_signed("<", numbers, self._spread(count, kind))

    def both(self, a: Value, b: Value) -> Value:
        return self.builder.and_(a, b)

    def where(self, mask: Value, a: Value, b: Value) -> Value:
        return self.builder.select(mask, a, b)

    # For logarithms: a value's binary exponent and mantissa.

    def smaller(self, a: Value, b: Value) -> Value:
        return self.builder.select(self.builder.fcmp_ordered("<", a, b), a, b)

    def larger(self, a: Value, b: Value) -> Value:
        return self.builder.select(self.builder.fcmp_ordered(">", a, b), a, b)

    def divide(self, a: Value, b: Value) -> Value:
        return self.builder.fdiv(a, b)

    def with_sign(self, a: Value, sign: Value) -> Value:
        """Return |a| with the sign of ``sign``."""
        kind = ir.FunctionType(self.type, [self.type] * 2)
        name = f"llvm.copysign.{self._suffix}"
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, [a, sign])

    def split(self, a: Value) -> tuple[Value, Value]:
        """Return the mantissa in [sqrt 1/2, sqrt 2) and the exponent of positive normal float32."""
        bits = ir.VectorType(ir.IntType(32), self.lanes)

        def each(value: int) -> Value:
            return ir.Constant(bits, [value] * self.lanes)

        b = self.builder
        # Counted from sqrt 1/2 instead of 1, so that the mantissa lies around 1.
        raised = b.add(b.bitcast(a, bits), each(0x3F800000 - 0x3F3504F3))
        exponent = b.sub(b.lshr(raised, each(23)), each(127))
        mantissa = b.add(b.and_(raised, each(0x007FFFFF)), each(0x3F3504F3))
        return b.bitcast(mantissa, self.type), b.sitofp(exponent, self.type)

    # Products of pairs of bfloat16, added up in float32 (AVX-512 BF16).

    def load_pairs(self, array: Value, index: Value) -> Value:
        """Return ``lanes`` pairs of bfloat16; ``array`` holds halves (16 bit) or pairs (32 bit)."""
        return self._load(array, index, ir.VectorType(ir.IntType(32), self.lanes))

    def broadcast_pair(self, array: Value, index: Value) -> Value:
        kind = ir.VectorType(ir.IntType(32), self.lanes)
        return self._spread(self.element(array, index), kind)

    def pair_fma(self, a: Value, b: Value, c: Value) -> Value:
        """Return c plus both products of each lane's pairs."""
        pairs = ir.VectorType(_BFloat(), 2 * self.lanes)
        kind = ir.FunctionType(self.type, [self.type, pairs, pairs])
        function = cgutils.get_or_insert_function(
            self.builder.module, kind, "llvm.x86.avx512bf16.dpbf16ps.512"
        )
        cast = self.builder.bitcast
        return self.builder.call(function, [c, cast(a, pairs), cast(b, pairs)])

    def half_ones(self, mask: Value) -> Value:
        """Return bfloat16 1 where ``mask`` is set, 0 elsewhere."""
        kind = ir.VectorType(ir.IntType(16), self.lanes)
        one, zero = (ir.Constant(kind, [bits] * self.lanes) for bits in (0x3F80, 0))
        return self.builder.select(mask, one, zero)

    def _load(self, array: Value, index: Value, kind: ir.Type) -> Value:
        place = self.builder.bitcast(self.builder.gep(array, [index]), kind.as_pointer())
        return self.builder.load(place, align=1)

    def _spread(self, scalar: Value, kind: ir.VectorType) -> Value:
        blank = ir.Constant(kind, ir.Undefined)
        first = self.builder.insert_element(blank, scalar, ir.Constant(ir.IntType(32), 0))
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
        return self.builder.shuffle_vector(first, blank, lanes)


class _BFloat(ir.types.Type):
    """LLVM's type bfloat, which llvmlite lacks."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloat)

    def __hash__(self) -> int:
        return hash(_BFloat)


def block(body: Callable[..., None]) -> Callable[..., Any]:
    """Turn a function that emits vector operations into one that kernels can call.

    ``body`` takes a :class:`Vectors` and then the arguments of the call: for each array a pointer
    to its first element, for each number its value. The float type is that of the first array of
    floats.
    """
    names = ["typing_context", *list(inspect.signature(body).parameters)[1:]]

    def define(_context: Any, *arguments: Any) -> Any:
        given = [types.unliteral(a) for a in arguments]
        kinds = [a.dtype for a in given if isinstance(a, types.Array)]
        scalar = next(kind for kind in kinds if isinstance(kind, types.Float))

        def emit(context: Any, builder: Any, signature: Any, values: Sequence[Value]) -> Value:
            passed = [
                context.make_array(kind)(context, builder, value).data
                if isinstance(kind, types.Array)
                else value
                for kind, value in zip(signature.args, values, strict=True)
            ]
            body(Vectors(builder, scalar), *passed)
            return context.get_dummy_value()

        return types.void(*given), emit

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    define.__name__ = body.__name__
    define.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, kind) for name in names]
    )
    return intrinsic(define)
