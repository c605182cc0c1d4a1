"""Read a study's rows, draw a curve, and test which shapes differ significantly.

Run it from a folder with results in it, such as a checkout:

    python docs/example.py results/emodb
"""

import sys

import matplotlib.pyplot as plt

import ablation

folder = sys.argv[1] if len(sys.argv) > 1 else "results/emodb"
results = ablation.read_results(folder)
print(results)  # tables of probes, networks, predictions, epochs; finished and failed rows

window = results.probes["window_ms"].mode().iloc[0]  # there may be rows with other windows
curve = ablation.curves(results, axis="height", window_ms=window)
print(curve[["extent", "physical", "wa", "wa_low", "wa_high", "cells", "complete"]])

figure, axes = plt.subplots(layout="constrained")
axes.fill_between(curve["physical"], curve["wa_low"], curve["wa_high"], alpha=0.2)
axes.plot(curve["physical"], curve["wa"], marker="o")
axes.set(xscale="log", xlabel="filter height (Hz)", ylabel="WA, 95 % CI over speakers")
figure.savefig("height.png")

# Compare with a pre-specified shape; p_joint is the family-wise adjusted p.
table = ablation.compare(results, reference="10x2", window_ms=window)
print(table[["first", "difference", "low", "high", "p_joint", "significant"]].round(3))

# All pairs, since the best shape was not known in advance: which others does it differ from?
pairs = ablation.compare(results, window_ms=window)
best = curve.loc[curve["wa"].idxmax(), "extent"]
mine = pairs[(pairs["first"] == f"{best}x2") | (pairs["second"] == f"{best}x2")]
print(f"{mine['significant'].sum()} of {len(mine)} other shapes differ from {best}x2 significantly")
