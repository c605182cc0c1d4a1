"""Estimating the time and memory of a run, and checking the machine.

:mod:`~ablation.estimate.measure` times a few steps on the workers that a run would use, and
:mod:`~ablation.estimate.estimate` multiplies them by the steps of a grid or promotion.
:mod:`~ablation.estimate.doctor` checks the machine (:mod:`~ablation.estimate.machine`). Nothing
here stores a cell.
"""
