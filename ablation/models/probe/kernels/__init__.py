"""Compiled: the inner loops of the single pass as numba kernels, in float32 and bfloat16 on a CPU.

:mod:`~ablation.probes.compiled.passes` is the entry: it computes scores and patch sums of a batch
tap by tap (:mod:`~ablation.probes.compiled.direct`, :mod:`~ablation.probes.compiled.halves`) or by
Fourier transforms (:mod:`~ablation.probes.compiled.transform`,
:mod:`~ablation.probes.compiled.fourier`), as the plan says. It takes tensors and hands on arrays;
nothing here knows about autograd or training.
"""
