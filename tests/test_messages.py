"""What users read when something is wrong: every expected error has a type, fields and a text."""

import copy
import dataclasses
import pickle
from collections.abc import Iterator

import pytest
from messages_golden import GOLDEN, examples, rendered

from ablation import errors
from ablation.errors import AblationError

EXAMPLES = [example for _, example in examples()]
KINDS = [getattr(errors, name) for name in errors.__all__]
KINDS = [kind for kind in KINDS if isinstance(kind, type)]


def types_below(kind: type[AblationError]) -> Iterator[type[AblationError]]:
    for below in kind.__subclasses__():
        yield below
        yield from types_below(below)


def test_the_texts_are_those_of_the_golden_file() -> None:
    assert rendered() == GOLDEN.read_text(encoding="utf-8")


def test_every_type_of_error_has_an_example() -> None:
    import ablation.cli  # noqa: F401 - loads every module that might define one

    shown = {type(example) for example in EXAMPLES}
    missing = {t.__qualname__ for t in types_below(AblationError) if t not in shown}
    assert missing == {kind.__qualname__ for kind in KINDS if kind is not AblationError}


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_keeps_its_fields_and_text_on_its_way_between_processes(
    error: AblationError,
) -> None:
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301
        assert type(other) is type(error)
        assert str(other) == str(error)
        for field in dataclasses.fields(error):  # type: ignore[arg-type]
            assert getattr(other, field.name) == getattr(error, field.name)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_a_text_is_one_line_and_a_remedy(error: AblationError) -> None:
    assert error.what
    assert "\n" not in error.what + error.remedy
    assert not error.what.endswith(".") and not error.remedy.endswith(".")
