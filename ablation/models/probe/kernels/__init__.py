"""The inner loops of the single pass as numba kernels, in float32 and bfloat16 on a CPU.

:mod:`~ablation.models.probe.kernels.passes` is the entry: it takes tensors, hands on arrays, and
computes scores and patch sums of a batch tap by tap (``direct``, ``halves``) or by Fourier
transforms (``transform``, ``fourier``), as the plan says. Nothing here knows about autograd.
"""
