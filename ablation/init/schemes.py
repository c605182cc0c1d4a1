"""The naming schemes of known corpora, by which a folder of one is recognised."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ablation.corpora import emodb, ravdess
from ablation.init.parts import Name

_MOST = 0.9  # share of the names that must fit; a corpus folder may hold a stray file


@dataclass(frozen=True)
class Scheme:
    """The naming scheme of a corpus.

    ``expression`` has the groups ``speaker`` and ``label``, ``codes`` maps the latter in lower case
    to labels. ``kind`` is the name of the corpus, which ``ablate`` may read itself.
    """

    title: str
    kind: str
    expression: re.Pattern[str]
    codes: Mapping[str, str]
    example: str

    def read(self, name: Name) -> tuple[str, str] | None:
        """Return speaker and code as a name spells them, or None where it does not fit."""
        match = self.expression.fullmatch("/".join(name[-2:])) or self.expression.fullmatch(
            name[-1]
        )
        if match is None or match["label"].casefold() not in self.codes:
            return None
        return match["speaker"], match["label"]


def _scheme(
    title: str, kind: str, expression: str, codes: Mapping[str, str], example: str
) -> Scheme:
    lower = {code.casefold(): label for code, label in codes.items()}
    return Scheme(title, kind, re.compile(expression, re.IGNORECASE), lower, example)


SCHEMES = (
    _scheme(
        "EmoDB",
        "emodb",
        r"(?P<speaker>\d\d)[ab]\d\d(?P<label>[WLEAFTN])[a-z]?",
        emodb.EMOTIONS,
        "03a01Fa: speaker 03, text a01, emotion F",
    ),
    _scheme(
        "RAVDESS",
        "ravdess",
        r"\d\d-\d\d-(?P<label>\d\d)-\d\d-\d\d-\d\d-(?P<speaker>\d\d)",
        ravdess.EMOTIONS,
        "03-01-05-01-02-01-07: third field the emotion, last the actor",
    ),
    _scheme(
        "CREMA-D",
        "crema_d",
        r"(?P<speaker>1\d\d\d)_[A-Z]{3}_(?P<label>ANG|DIS|FEA|HAP|NEU|SAD)_(LO|MD|HI|XX|X)",
        {
            "ANG": "angry",
            "DIS": "disgusted",
            "FEA": "fearful",
            "HAP": "happy",
            "NEU": "neutral",
            "SAD": "sad",
        },
        "1001_DFA_ANG_XX: speaker 1001, sentence DFA, emotion ANG",
    ),
    _scheme(
        "TESS",
        "tess",
        r"(?P<speaker>[OY]A)F?_[a-z]+_(?P<label>angry|disgust|fear|happy|neutral|ps|sad)",
        {
            "angry": "angry",
            "disgust": "disgusted",
            "fear": "fearful",
            "happy": "happy",
            "neutral": "neutral",
            "ps": "surprised",
            "sad": "sad",
        },
        "OAF_back_angry: speaker OA(F), word back, emotion angry",
    ),
    _scheme(
        "SAVEE",
        "savee",
        r"(?P<speaker>DC|JE|JK|KL)[_/](?P<label>sa|su|[adfhn])\d\d",
        {
            "a": "angry",
            "d": "disgusted",
            "f": "fearful",
            "h": "happy",
            "n": "neutral",
            "sa": "sad",
            "su": "surprised",
        },
        "DC_a01: speaker DC, emotion a, sentence 01",
    ),
)


def known_scheme(names: Sequence[Name]) -> Scheme | None:
    """Return the scheme that at least nine of ten names follow, if there is one."""
    for scheme in SCHEMES:
        read = [scheme.read(name) for name in names]
        fitting = [pair for pair in read if pair is not None]
        if fitting and len(fitting) >= _MOST * len(names) and len(set(fitting)) >= 4:
            return scheme
    return None
