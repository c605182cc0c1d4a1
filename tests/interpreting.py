"""Triton's interpreter, several times faster: importing this module is enough.

Its arithmetic stays as it is. What it does around that takes a hundred times as long, and is done
once here, or not at all.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import triton.language as tl
from triton.runtime import interpreter

# The language is prepared anew for every call of a function within a kernel, which takes longer
# than the call. Once a launch is enough: here it is asked no more often.
_prepare, _launch = interpreter._patch_lang, interpreter.GridExecutor.__call__
_prepared: set[int] = set()
_modules: dict[Any, frozenset[int]] = {}


def _once(function: Any) -> Any:
    modules = _modules.get(function)
    if modules is None:
        known = function.__globals__.values()
        found = (id(value) for value in known if any(value is language for language in LANGUAGES))
        modules = _modules[function] = frozenset(found)
    if modules <= _prepared:
        return interpreter._LangPatchScope()
    _prepared.update(modules)
    return _prepare(function)


def _counted(self: Any, *arguments: Any, **more: Any) -> Any:
    _prepared.clear()
    return _launch(self, *arguments, **more)


LANGUAGES = (tl, tl.core)
interpreter._patch_lang = _once
interpreter.GridExecutor.__call__ = _counted

# Every sum and product of integers is made a second time to see whether it overflows.
interpreter.interpreter_builder.options = replace(
    interpreter.interpreter_builder.options, sanitize_overflow=False
)

# A table of all types is made for every operation.
_numpy_type = interpreter._get_np_dtype
_numpy_types: dict[str, np.dtype] = {}


def _known_numpy_type(kind: Any) -> np.dtype:
    found = _numpy_types.get(kind.name)
    if found is None:
        found = _numpy_types[kind.name] = _numpy_type(kind)
    return found


interpreter._get_np_dtype = _known_numpy_type

# A type of a block, and what a tensor knows of it, is the same for all blocks of its shape.
_describe = tl.core.block_type.__init__
_blocks: dict[Any, Any] = {}


def _known_block(cls: type, element_ty: Any, shape: Any) -> Any:
    sides = tuple([getattr(side, "value", side) for side in shape])
    found = _blocks.get(key := (element_ty.name, sides))
    if found is None:
        found = object.__new__(cls)
        _describe(found, element_ty, list(shape))
        known = tl.core.tuple([tl.core.constexpr(side) for side in sides])
        found.of_tensors, found.sides = (tl.core.constexpr(found.numel), known), sides
        _blocks[key] = found
    return found


def _tensor(self: Any, handle: Any, type: Any) -> None:
    self.handle, self.type, self.dtype = handle, type, type.scalar
    self.numel, self.shape = getattr(type, "of_tensors", _SCALAR)


_SCALAR = tl.core.constexpr(1), tl.core.tuple([])
tl.core.block_type.__new__ = _known_block  # type: ignore[method-assign]
tl.core.block_type.__init__ = lambda *_: None  # type: ignore[method-assign]
tl.core.tensor.__init__ = _tensor
