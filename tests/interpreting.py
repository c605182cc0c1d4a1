"""Triton's interpreter, several times faster: importing this module is enough."""

from typing import Any

import triton.language as tl
from triton.runtime import interpreter

# The interpreter prepares the language anew for every call of a function within a kernel, which
# takes longer than the call. Once a launch is enough: here it is asked no more often.
_prepare, _launch = interpreter._patch_lang, interpreter.GridExecutor.__call__
_prepared: set[int] = set()


def _once(function: Any) -> Any:
    known = function.__globals__.values()
    modules = {id(value) for value in known if any(value is language for language in LANGUAGES)}
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
