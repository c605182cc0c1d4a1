"""IEMOCAP (Busso et al., Language Resources and Evaluation 42, 2008), as released.

``SessionN/dialog/EmoEvaluation/DIALOG.txt`` has one line per turn::

    [6.2901 - 8.2357]	Ses01F_impro01_F000	neu	[2.5000, 2.5000, 2.5000]

and ``SessionN/sentences/wav/DIALOG/TURN.wav`` is its recording. The speaker is the letter of the
*turn* (``F000``): the prefix ``Ses01F`` names who wore the motion-capture markers, and folds made
from it would put one speaker into both the training and the test set.
"""

import re
from pathlib import Path
from typing import Literal

from ablation.corpora.base import CorpusKind, Options, Utterance, require_folder
from ablation.errors.corpora import InvalidTurn, UnreadableFile, WrongCorpusRoot

_LAYOUT = "Session1 ... Session5"
_TURN = re.compile(
    r"\[\d+(?:\.\d+)? - \d+(?:\.\d+)?\]\t"
    r"(?P<turn>Ses(?P<session>\d\d)[FM]_(?P<dialogue>impro|script)\w+_(?P<letter>[FM])[A-Z]*\d+)\t"
    r"(?P<label>[a-z]{3})\t"
)
LABELS = ("ang", "dis", "exc", "fea", "fru", "hap", "neu", "oth", "sad", "sur", "xxx")


class IemocapOptions(Options):
    """``dialogues`` selects the turns; the paper uses the improvised ones (section 3.1)."""

    dialogues: Literal["improvised", "scripted", "all"] = "improvised"


def _read(root: Path | None, options: IemocapOptions) -> list[Utterance]:
    folder = require_folder(root, "iemocap", _LAYOUT)
    evaluations = sorted(folder.glob("Session[0-9]*/dialog/EmoEvaluation/[!.]*.txt"))
    if not evaluations:
        fault = "holds no SessionN/dialog/EmoEvaluation/*.txt"
        raise WrongCorpusRoot("iemocap", folder, fault, _LAYOUT)
    utterances = []
    for evaluation in evaluations:
        utterances += _read_dialogue(evaluation, options)
    return utterances


def _read_dialogue(evaluation: Path, options: IemocapOptions) -> list[Utterance]:
    """Return the turns of one evaluation file that are of the chosen kind of dialogue."""
    wav = evaluation.parents[2] / "sentences" / "wav" / evaluation.stem
    utterances = []
    try:
        lines = evaluation.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(evaluation, str(error)) from error
    for number, line in enumerate(lines, 1):
        if not re.match(r"\[\d", line):
            continue  # votes of single annotators, the heading "% [START_TIME ..." and blank lines
        origin = f"{evaluation}, line {number}"
        match = _TURN.match(line)
        if match is None or match["label"] not in LABELS:
            raise InvalidTurn(origin, line[:80], LABELS)
        if options.dialogues not in (
            "all",
            {"impro": "improvised"}.get(match["dialogue"], "scripted"),
        ):
            continue
        file = wav / f"{match['turn']}.wav"
        session, letter = match["session"], match["letter"]
        speaker, partner = f"Ses{session}{letter}", f"Ses{session}{'F' if letter == 'M' else 'M'}"
        utterances.append(
            Utterance(match["turn"], file, speaker, match["label"], origin=origin, partner=partner)
        )
    return utterances


KIND = CorpusKind(
    name="iemocap",
    summary="IEMOCAP: 10 speakers in 5 sessions, English, improvised (default) and scripted",
    layout=_LAYOUT,
    read=_read,
    label_maps={
        "hap": {"neu": "neutral", "hap": "happy", "ang": "angry", "sad": "sad"},
        "hap+exc": {"neu": "neutral", "hap": "happy", "exc": "happy", "ang": "angry", "sad": "sad"},
        "exc": {"neu": "neutral", "exc": "happy", "ang": "angry", "sad": "sad"},
    },
    options=IemocapOptions,
)
