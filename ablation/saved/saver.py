"""Saving trained networks in folders of their own, and finding a study's best."""

import re
from dataclasses import dataclass
from pathlib import Path

from ablation.corpora import Corpus
from ablation.errors import StorageError
from ablation.errors.networks import NoFinalNetwork
from ablation.saved.card import model_card
from ablation.saved.record import (
    CorpusNote,
    HeardNote,
    Record,
    ScoreNote,
    read,
    read_weights,
    weights_digest,
    write,
)
from ablation.study import CellKind, shapes_text
from ablation.training.task import Cell, CellTask, Outcome

__all__ = ["ModelSaver", "ScoreNote", "best_saved", "folder_name", "rescore"]


def folder_name(cell: Cell, digest: str) -> str:
    """Return the name of a cell's folder below ``networks``, such as
    ``attention-10x2+2x8-seed0-03-1f0c2a9b3d4e``; ``all`` means that no speaker was held out."""
    kind = cell.pooling or cell.title
    shapes = "+".join(map(str, cell.shapes))
    fold = cell.fold if cell.kind != CellKind.FINAL else "all"
    plain = re.sub(r"[^\w.+-]", "_", f"{kind}-{shapes}-seed{cell.seed}-{fold}")[:120]
    if cell.kind != CellKind.FINAL and not re.fullmatch(r"[\w.+-]{1,60}", fold):
        # Two folds' names may be equal once characters unfit for a file name are replaced.
        plain += f"-{weights_digest(fold.encode())[:6]}"
    return f"{plain}-{digest}"


@dataclass(frozen=True)
class ModelSaver:
    """A saver writes the networks of finished cells below a study's results folder.

    ``code`` is the source digest of a network of the user's own. ``scores`` are the
    cross-validation's, for a network that is trained on all speakers.
    """

    folder: Path
    corpus: Corpus
    fingerprint: str
    code: str = ""
    scores: ScoreNote | None = None

    def place(self, cell: Cell, digest: str) -> Path:
        return self.folder / "networks" / folder_name(cell, digest)

    def keep(self, task: CellTask, outcome: Outcome) -> None:
        """Write ``outcome``'s network, if it has one.

        Raises :class:`~ablation.errors.StorageError` when it cannot be written.
        """
        if outcome.network is None or task.network_digest is None:
            return
        record = self._record(task, outcome, task.network_digest)
        weights = outcome.network.weights
        write(self.place(task.cell, task.network_digest), record, weights, model_card(record))

    def _record(self, task: CellTask, outcome: Outcome, digest: str) -> Record:
        network, corpus, cell = outcome.network, self.corpus, task.cell
        if network is None:
            raise ValueError("an outcome without a network cannot be saved")
        held_out = task.fold.test_speakers
        scores = self.scores
        if task.fold.test:
            scores = ScoreNote(
                wa=outcome.row["wa"],
                ua=outcome.row["ua"],
                utterances=outcome.row["n_test"],
                measured_on=f"the held-out speakers of fold {cell.fold}",
            )
        return Record(
            study=task.study.name,
            title=cell.title,
            pooling=cell.pooling,
            shapes=shapes_text(cell.shapes).split(","),
            classes=list(task.classes),
            digest=task.digest,
            network_digest=digest,
            seed=cell.seed,
            fold=cell.fold,
            corpus=CorpusNote(
                name=corpus.name,
                fingerprint=self.fingerprint,
                utterances=len(corpus),
                train_speakers=[s for s in corpus.speakers if s not in held_out],
                test_speakers=list(held_out),
            ),
            scores=scores,
            features=task.study.features,
            corpus_range=network.corpus_range,
            network=task.study.network,
            trained_in=outcome.row["engine"],
            threads=task.study.execution.threads,
            parameters=outcome.row["parameters"],
            multiply_adds=outcome.row["multiply_adds"],
            weights=weights_digest(network.weights),
            code=self.code,
            heard=HeardNote(shortest_s=network.shortest_s, quietest_db=network.quietest_db),
        )


def rescore(place: Path, scores: ScoreNote) -> bool:
    """Replace a saved network's scores; return False if there is no intact network."""
    try:
        record = read(place)
        weights = read_weights(place, record)
    except StorageError:
        return False
    if record.scores != scores:
        record = record.model_copy(update={"scores": scores})
        write(place, record, weights, model_card(record))
    return True


def best_saved(study_folder: Path, digest: str = "") -> Path:
    """Return the folder of the network of all speakers with the highest cross-validated WA.

    Of equal ones it is the latest. ``digest`` is the beginning of its study's digest; empty: any.
    Raises :class:`~ablation.errors.StorageError` when there is none.
    """
    found = []
    for path in study_folder.glob("networks/*/network.json"):
        record = read(path.parent)
        if not record.fold and record.scores is not None and record.digest.startswith(digest):
            found.append((record.scores.wa, path.stat().st_mtime, path.parent))
    if not found:
        raise NoFinalNetwork(study_folder / "networks", digest)
    return max(found)[-1]
