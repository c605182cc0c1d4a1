"""One thread, as in a worker: a test file that imports the fixture uses it in all of its tests."""

from collections.abc import Iterator

import pytest
import torch
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small operators take longest where threads wait for each other, and sums depend on them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):  # NumPy's products, in which Triton is interpreted
        yield
    torch.set_num_threads(before)
