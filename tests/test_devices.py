"""Which devices a run takes, with cards that are there, that are not, and that cannot be used."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tomli_w
from running import invoke, train

from ablation.errors import AblationError
from ablation.errors.common import OptionsExclude, UnknownName
from ablation.errors.execution import DevicesUnusable
from ablation.executors import Slot, cards, choose, devices, make_slots
from ablation.executors.cards import Card, Cards
from ablation.study import load_study

LOOK = Path(cards.__file__).with_name("card_query.py")
GOOD, OTHER = Card("cuda:0", "H100", 80 << 30), Card("cuda:1", "A100", 40 << 30)
BROKEN = Card("cuda:2", "K80", 12 << 30, "this torch has no kernels for sm_37")
NO_CUDA = "this torch is built without CUDA"
ALLOWED = ["auto", "cpu", "cuda", "cuda:N"]


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets a machine have these cards, or none for a reason."""

    def make(*found: Card, none: str = "") -> None:
        monkeypatch.setattr(cards, "cards", lambda: Cards(found, none))

    return make


def test_every_usable_card_else_the_cpu(there: Callable[..., None]) -> None:
    there(none="there is no NVIDIA driver")
    assert choose(["auto"]).devices == ("cpu",)
    assert "there is no NVIDIA driver" in choose(["auto"]).line
    there(BROKEN)
    assert choose(["auto"]).devices == ("cpu",)
    assert BROKEN.fault in choose(["auto"]).line
    there(GOOD, OTHER, BROKEN)
    for words in (["auto"], ["cuda"]):
        choice = choose(words)
        assert choice.devices == ("cuda:0", "cuda:1")
        assert all(word in choice.line for word in ("H100", "A100", "cuda:2", BROKEN.fault))
        assert "\n" not in choice.line


def test_cards_that_are_named(there: Callable[..., None]) -> None:
    there(GOOD, OTHER, BROKEN)
    assert choose(["cuda:1", "cuda:0", "cuda:1"]).devices == ("cuda:1", "cuda:0")
    assert choose(["cuda:0", "cpu"]).devices == ("cuda:0", "cpu")
    left_out = choose(["cuda:0", "cuda:2"])
    assert left_out.devices == ("cuda:0",)
    assert BROKEN.fault in left_out.line
    assert choose(["cpu"]).devices == ("cpu",)


@pytest.mark.parametrize(
    ("words", "found", "expected"),
    [
        (
            ["cuda:7"],
            (GOOD,),
            UnknownName("execution.devices", "cuda:7", ["cuda:0", "auto"], "device"),
        ),
        (["cuda:2"], (BROKEN,), DevicesUnusable(["cuda:2"], f"cuda:2: {BROKEN.fault}")),
        (["cuda:2"], (GOOD, BROKEN), DevicesUnusable(["cuda:2"], f"cuda:2: {BROKEN.fault}")),
        (["cuda"], (BROKEN,), DevicesUnusable(["cuda"], f"cuda:2: {BROKEN.fault}")),
        (["cuda"], (), DevicesUnusable(["cuda"], NO_CUDA)),
        (["cuda:0"], (), DevicesUnusable(["cuda:0"], NO_CUDA)),
        (["auto", "cpu"], (GOOD,), OptionsExclude(["execution.devices auto", "cpu"])),
        *[
            ([word], (GOOD,), UnknownName("execution.devices", word, ALLOWED))
            for word in ("gpu", "cuda:x", "cuda:", "cpu:0", "")
        ],
    ],
)
def test_what_cannot_be_had_is_one_error(
    there: Callable[..., None],
    words: list[str],
    found: tuple[Card, ...],
    expected: AblationError,
) -> None:
    there(*found, none="" if found else NO_CUDA)
    with pytest.raises(type(expected)) as caught:
        choose(words)
    assert {key: _plain(value) for key, value in vars(caught.value).items()} == vars(expected)
    assert caught.value.remedy


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def test_slots_fill_the_cores_and_those_on_cards_leave_their_threads_free(
    there: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    there(GOOD, OTHER)
    assert make_slots(["cpu"], threads=1, workers=3) == [Slot("cpu", 1)] * 3
    assert len(make_slots(["cpu"], threads=1)) == devices.core_count()
    assert make_slots(["cpu"], threads=10_000) == [Slot("cpu", 10_000)]
    assert Slot("cuda:3", 1).visible_device == "cuda:0"
    monkeypatch.setattr(devices, "core_count", lambda: 8)
    slots = make_slots(["cuda:0", "cuda:1", "cpu"], threads=1, per_device=2)
    assert [slot.device for slot in slots] == ["cuda:0"] * 2 + ["cuda:1"] * 2 + ["cpu"] * 4
    assert [slot.device for slot in make_slots(["auto"], threads=1)] == ["cuda:0", "cuda:1"]


@pytest.mark.parametrize(("given", "seen"), [(None, "1"), ("4,6", "6"), ("GPU-a, GPU-b", "GPU-b")])
def test_a_worker_sees_its_card_alone(
    monkeypatch: pytest.MonkeyPatch, given: str | None, seen: str
) -> None:
    """Counted among those that a batch system has left visible."""
    if given is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    environment = devices.worker_environment(Slot("cuda:1", 1))
    assert environment["CUDA_VISIBLE_DEVICES"] == seen
    assert environment["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize(("given", "number"), [(None, 4), ("2", 1), ("2,3", 2), ("", 0)])
def test_a_plan_counts_the_cards_that_a_batch_system_has_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, number: int
) -> None:
    """And a run sees no others, since torch does not."""
    monkeypatch.setattr(devices, "has_driver", lambda: True)
    monkeypatch.setattr(devices, "_LISTED", tmp_path)
    for name in "0123":
        (tmp_path / name).touch()
    if given is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    found = [slot.device for slot in devices.planned_slots(["auto"], 1)]
    assert found == [f"cuda:{index}" for index in range(number)] or (not number and "cpu" in found)


def test_a_study_names_devices_as_the_command_line_does(tmp_path: Path) -> None:
    for value, words in (
        ("auto", ["auto"]),
        ("cuda:0, cpu", ["cuda:0", "cpu"]),
        (["cpu"], ["cpu"]),
    ):
        study = tmp_path / "s.toml"
        study.write_text(tomli_w.dumps({"name": "s", "execution": {"devices": value}}))
        assert load_study(study, []).execution.devices == words


FAKE = """
import os, warnings
class OutOfMemoryError(RuntimeError): pass
class _Values:
    def square(self): return self
    def sum(self): return SUM
class _Properties: name, total_memory, major, minor = "Fake", 8 << 30, 3, 7
class version: cuda = BUILT
class cuda:
    def is_available():
        ASIDE
        return AVAILABLE
    def device_count(): return 2
    def get_device_properties(index): return _Properties
    def mem_get_info(index): return FREE, 8 << 30
    def get_arch_list(): return ["sm_80", "sm_90"]
def arange(stop, device):
    if device == "cuda:1":
        FAULT
    return _Values()
"""
USUAL = {
    "BUILT": "'12.8'", "ASIDE": "pass", "AVAILABLE": "True", "FREE": "4 << 30", "FAULT": "pass",
    "SUM": "85344.0",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "faults"),
    [
        ({}, ("", "")),
        ({"FAULT": "raise OutOfMemoryError('x')"}, ("", "none of its memory is free")),
        (
            {"FAULT": "raise RuntimeError('CUDA error: no kernel image is available\\nmore')"},
            ("", "this torch has no kernels for sm_37 (it has sm_80 sm_90)"),
        ),
        ({"FAULT": "raise RuntimeError('CUDA error: gone\\nmore')"}, ("", "CUDA error: gone")),
        ({"FREE": "5 << 20"}, ("only 5 MiB of its memory is free",) * 2),
        ({"SUM": "0.0"}, ("it computes wrong results",) * 2),
        (
            {"AVAILABLE": "False", "ASIDE": "warnings.warn('The driver is too old (found 1)')"},
            ("The driver is too old (found 1)",) * 2,
        ),
        ({"BUILT": "None"}, (f"{NO_CUDA}, though there is an NVIDIA driver",) * 2),
    ],
)
def test_a_card_that_cannot_be_used_is_known_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str],
    faults: tuple[str, str],
) -> None:  # fmt: skip
    """Looked for in a process of its own, here with a torch that has such cards."""
    text = FAKE
    for name, value in (USUAL | changed).items():
        text = text.replace(name, value)
    (tmp_path / "torch.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(cards, "has_driver", lambda: True)
    found = cards.cards.__wrapped__()
    assert tuple(card.fault for card in found.found) == faults
    assert [card.device for card in found.found] == ["cuda:0", "cuda:1"]
    assert len(found.usable) == faults.count("")


@pytest.mark.parametrize("end", ["import os; os._exit(9)", "raise ImportError('libcudart.so')"])
def test_a_look_that_goes_wrong_is_no_crash_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    (tmp_path / "torch.py").write_text(end)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(cards, "has_driver", lambda: True)
    found = cards.cards.__wrapped__()
    assert not found.found
    assert "9" in found.none or "libcudart.so" in found.none


def test_a_look_runs_nothing_of_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise SystemExit('executed')")
    (tmp_path / "json.py").write_text("raise SystemExit('executed')")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-P", str(LOOK)], cwd=tmp_path, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "executed" not in done.stdout + done.stderr


def test_without_a_card_auto_is_the_cpu_and_says_so_in_one_line(
    tmp_path: Path, tiny_study: Path
) -> None:
    if cards.has_driver():
        pytest.skip("this machine may have a card")
    grid = ("grid", "--axis", "height", "--values", "2", "--study", tiny_study)
    said = train(*grid, "--devices", "auto", "--workers", "1", cwd=tmp_path).stderr
    assert len([line for line in said.splitlines() if line.startswith("device")]) == 1
    assert "warning" not in said.lower()
    for device in ("cuda", "cuda:0"):
        refused = invoke(*grid, "--devices", device, "--fresh", cwd=tmp_path, check=1)
        assert refused.stdout == ""
        assert len(refused.stderr.splitlines()) == 2
        assert isinstance(refused.error, DevicesUnusable)
        assert list(refused.error.devices) == [device]
        assert refused.error.reason == "there is no NVIDIA driver"
