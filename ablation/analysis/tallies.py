"""Counted predictions: how often each speaker's utterances of a class were predicted as which.

One frame of counts carries everything that scores, comparisons and confusion matrices need, and is
a hundred times shorter than the predictions of a large study.
"""

import numpy as np
import pandas as pd
import pyarrow as pa

from ablation.analysis.speakers import Counts

_CELL = ["digest", "network_digest", "kind", "name", "window_ms", "seed", "fold"]
_WHAT = ["speaker", "label", "predicted"]


def tally(predictions: pd.DataFrame) -> pd.DataFrame:
    """Count predictions by cell, speaker, label and predicted class.

    Parameters
    ----------
    predictions
        One row per utterance, as :func:`ablation.read_results` gives it.

    Returns
    -------
    tallied
        ``digest network_digest kind name window_ms seed fold speaker label predicted`` and ``n``,
        how many utterances; combinations that do not occur are absent.
    """
    keys = [*_CELL, *_WHAT]
    table = pa.Table.from_pandas(predictions[keys], preserve_index=False)
    grouped = table.group_by(keys, use_threads=False).aggregate([([], "count_all")])
    return grouped.rename_columns([*keys, "n"]).to_pandas(use_threads=False)


def speaker_counts(tallied: pd.DataFrame, classes: tuple[str, ...]) -> Counts:
    """Return the counts of one model by speaker and class, averaged over its seeds.

    Parameters
    ----------
    tallied
        Its rows of :func:`tally`.

    Raises
    ------
    ValueError
        When a label is not among ``classes``.
    """
    return _counts(tallied, np.zeros(len(tallied), int), 1, classes)[0]


def named_counts(tallied: pd.DataFrame, classes: tuple[str, ...]) -> dict[str, Counts]:
    """Return the same for every model, by ``name``; models may differ in their seeds."""
    codes, names = pd.factorize(tallied["name"], sort=True)
    found = _counts(tallied, codes, len(names), classes)
    return {str(name): counts for name, counts in zip(names, found, strict=True)}


def seed_counts(tallied: pd.DataFrame, classes: tuple[str, ...]) -> dict[int, Counts]:
    """Return the counts of one model for each seed."""
    codes, seeds = pd.factorize(tallied["seed"], sort=True)
    found = _counts(tallied, codes, len(seeds), classes)
    return {int(seed): counts for seed, counts in zip(seeds, found, strict=True)}


def confusion(tallied: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    """Return utterances by true class (index) and predicted class (columns), over all seeds."""
    sums = tallied.groupby(["label", "predicted"])["n"].sum().unstack(fill_value=0)
    return sums.reindex(index=list(classes), columns=list(classes), fill_value=0)


def _counts(
    tallied: pd.DataFrame, group: np.ndarray, groups: int, classes: tuple[str, ...]
) -> list[Counts]:
    """Return the counts of each group of rows by its speakers, averaged over seeds."""
    person, names = pd.factorize(tallied["speaker"], sort=True)
    speakers = tuple(map(str, names))
    label = pd.Index(classes).get_indexer(pd.Index(tallied["label"]))
    if (label < 0).any():
        raise ValueError(f"a label is none of {classes}")
    n, correct = (np.zeros((groups, len(speakers), len(classes))) for _ in range(2))
    times = tallied["n"].to_numpy(float)
    np.add.at(n, (group, person, label), times)
    right = (tallied["label"] == tallied["predicted"]).to_numpy(bool)
    np.add.at(correct, (group[right], person[right], label[right]), times[right])
    seed, different = pd.factorize(tallied["seed"])
    heard = np.zeros((groups, len(speakers), len(different)), bool)
    heard[group, person, seed] = True
    # A speaker with missing cells is averaged over the seeds that are there.
    seeds = heard.sum(axis=2)
    found = []
    for k in range(groups):
        there = seeds[k] > 0
        share = 1 / seeds[k][there, None]
        found.append(
            Counts(
                tuple(s for s, is_there in zip(speakers, there, strict=True) if is_there),
                classes,
                n[k][there] * share,
                correct[k][there] * share,
            )
        )
    return found
