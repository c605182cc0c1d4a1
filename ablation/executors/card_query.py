"""A script, run in a process of its own, that prints which CUDA cards torch can use, as JSON.

Looking starts CUDA, which takes memory of every card and cannot be undone, and a faulty driver can
end the process: so the program that asks does not look itself. Only torch is imported.
"""

import json
import sys
import warnings

_LEAST_FREE = 1 << 30  # bytes: less is not enough for any task


def main() -> None:
    """Print the cards, each with its fault, and why there are none."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        import torch

        usable, number, reason = False, 0, ""
        try:
            usable, number = torch.cuda.is_available(), torch.cuda.device_count()
        except RuntimeError as error:
            reason = _first_line(error)
    if torch.version.cuda is None:
        reason = "this torch is built without CUDA, though there is an NVIDIA driver"
    elif not usable:
        told = [_first_line(warning.message) for warning in said]
        reason = reason or next(iter(told), "torch finds no card")
    found = [_card(torch, index, reason) for index in range(number)]
    json.dump({"cards": found, "none": "" if found else reason}, sys.stdout)


def _card(torch, index: int, reason: str) -> dict[str, object]:
    """Return name, memory (bytes) and fault of a card; the fault is empty if it works."""
    found: dict[str, object] = {
        "device": f"cuda:{index}", "name": "", "memory_bytes": 0, "fault": reason,
    }  # fmt: skip
    if reason:
        return found
    architecture = "its architecture"
    try:
        known = torch.cuda.get_device_properties(index)
        architecture = f"sm_{known.major}{known.minor}"
        found["name"], found["memory_bytes"] = known.name, known.total_memory
        free, _ = torch.cuda.mem_get_info(index)
        values = torch.arange(64.0, device=f"cuda:{index}")
        if free < _LEAST_FREE:
            found["fault"] = f"only {free >> 20} MiB of its memory is free"
        elif float(values.square().sum()) != 85344.0:
            found["fault"] = "it computes wrong results"
    except torch.OutOfMemoryError:
        found["fault"] = "none of its memory is free"
    except (RuntimeError, AssertionError) as error:
        text = _first_line(error)
        if "no kernel image" in text:
            built = " ".join(torch.cuda.get_arch_list())
            text = f"this torch has no kernels for {architecture} (it has {built})"
        found["fault"] = text
    return found


def _first_line(said: object) -> str:
    text = str(said).strip()
    return text.splitlines()[0] if text else type(said).__name__


if __name__ == "__main__":
    main()
