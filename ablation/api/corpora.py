"""A corpus from a table in memory."""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ablation.corpora.manifest import REQUIRED
from ablation.errors.corpora import MissingColumn
from ablation.files import cache_folder, write_text
from ablation.study import CorpusSpec

if TYPE_CHECKING:
    import pandas as pd


def corpus_from_frame(
    frame: "pd.DataFrame", root: Path | str = ".", manifest: Path | str | None = None
) -> CorpusSpec:
    """Return a table of recordings as the corpus of a study: ``study.replace("corpus", corpus)``.

    Parameters
    ----------
    frame
        One row per utterance with the columns ``file``, ``speaker`` and ``label``, and as a
        manifest has them ``start`` and ``end`` (seconds), ``id`` and ``partner``. Others are left
        out.
    root
        The folder to which the files are relative.
    manifest
        The CSV file that the table is written to, which stored results name as their corpus; None:
        one in the cache folder, named by its content.

    Raises
    ------
    MissingColumn
        When one of the three columns is missing.
    StorageError
        When the file cannot be written.
    """
    columns = [str(name) for name in frame.columns]
    for name in REQUIRED:
        if name not in columns:
            raise MissingColumn(Path("the table of recordings"), name, columns)
    known = [n for n in (*REQUIRED, "start", "end", "id", "partner") if n in columns]
    table = frame[known].copy()
    if "id" not in known and "start" not in known:  # so that a manifest there has the same rows
        table["id"] = [Path(str(file)).as_posix() for file in table["file"]]
    files = [os.path.abspath(Path(root) / str(file)) for file in table["file"]]  # noqa: PTH100
    table["file"] = files
    text = table.to_csv(index=False)
    if manifest is None:
        name = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        manifest = cache_folder() / "manifests" / f"{name}.csv"
    path = Path(manifest).absolute()
    write_text(path, text)
    return CorpusSpec(name="manifest", root=path)
