"""Compiled: the single pass' inner loops as numba kernels, for float32 and bfloat16 on a CPU.

:mod:`~ablation.probes.compiled.passes` is the door: it runs scores and patch sums of a batch tap by
tap (:mod:`~ablation.probes.compiled.direct`, :mod:`~ablation.probes.compiled.halves`) or by Fourier
transforms (:mod:`~ablation.probes.compiled.transform`, :mod:`~ablation.probes.compiled.fourier`),
as the plan says. Tensors enter there and go on as arrays; nothing here knows of autograd or of
training.
"""
