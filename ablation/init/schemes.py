"""The naming schemes of known corpora, by which a folder of one is recognised."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ablation.corpora import emodb, ravdess
from ablation.corpora.names.parts import Name

_MOST = 0.9  # share of the names that must fit; a corpus folder may hold a stray file


@dataclass(frozen=True)
class Scheme:
    """The naming scheme of a corpus.

    ``form`` is a regular expression for the end of the path, without suffix, with the groups
    ``speaker`` and ``label``; ``codes`` maps the latter in lower case to labels, all words to
    themselves where it is empty. ``kind`` is the corpus that ``ablate`` may read itself; without a
    group ``label`` only its reader knows the labels.
    """

    title: str
    example: str
    form: str
    codes: dict[str, str]
    kind: str = ""

    def read(self, name: Name) -> tuple[str, str] | None:
        """Return speaker and code as a name spells them, or None where it does not fit."""
        match = re.search(rf"(?:^|/){self.form}$", "/".join(name), re.IGNORECASE)
        if match is None or (self.codes and match["label"].casefold() not in self.codes):
            return None
        return match["speaker"], match["label"] if self.labelled else ""

    @property
    def labelled(self) -> bool:
        """Whether the names tell the label."""
        return "(?P<label>" in self.form


def _codes(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split())


_WORDS = _codes("a=angry d=disgusted f=fearful h=happy n=neutral sa=sad su=surprised s=sad")
SCHEMES = (
    Scheme(
        "EmoDB", "03a01Fa: speaker 03, text a01, emotion F",
        r"(?P<speaker>\d\d)[ab]\d\d(?P<label>[WLEAFTN])[a-z]?",
        {code.casefold(): label for code, label in emodb.EMOTIONS.items()}, "emodb",
    ),
    Scheme(
        "RAVDESS", "03-01-05-01-02-01-07: third field the emotion, last the actor",
        r"0[123]-0[12]-(?P<label>0[1-8])-0[12]-0[12]-0[12]-(?P<speaker>[01]\d|2[0-4])",
        dict(ravdess.EMOTIONS), "ravdess",
    ),
    Scheme(
        "IEMOCAP", "Ses01F_impro01_F000: session 01, dialogue impro01, turn 000 of the woman",
        r"Ses(?P<speaker>\d\d[FM])_\w+_[FM]\d\d\d", {}, "iemocap",
    ),
    Scheme(
        "CREMA-D", "1001_DFA_ANG_XX: speaker 1001, sentence DFA, emotion ANG",
        r"(?P<speaker>1\d\d\d)_[A-Z]{3}_(?P<label>[A-Z]{3})_(LO|MD|HI|XX|X)",
        _codes("ang=angry dis=disgusted fea=fearful hap=happy neu=neutral sad=sad"), "crema_d",
    ),
    Scheme(
        "TESS", "OAF_back_angry: speaker OA(F), word back, emotion angry",
        r"(?P<speaker>[OY]A)F?_[a-z]+_(?P<label>[a-z]+)",
        _codes("angry=angry disgust=disgusted fear=fearful happy=happy neutral=neutral "
               "ps=surprised sad=sad"), "tess",
    ),
    Scheme(
        "SAVEE", "DC_a01: speaker DC, emotion a, sentence 01",
        r"(?P<speaker>DC|JE|JK|KL)[_/](?P<label>sa|su|[adfhn])\d\d", _WORDS,
    ),
    Scheme(
        "EMOVO", "dis-f1-b1: emotion dis, speaker f1, sentence b1",
        r"(?P<label>dis|gio|neu|pau|rab|sor|tri)-(?P<speaker>[fm]\d)-[a-z]\d",
        _codes("dis=disgusted gio=happy neu=neutral pau=fearful rab=angry sor=surprised tri=sad"),
    ),
    Scheme(
        "ShEMO", "F01A02: speaker F01, emotion A, recording 02",
        r"(?P<speaker>[FM]\d\d)(?P<label>[AFHNSW])\d\d",
        _codes("a=angry f=fearful h=happy n=neutral s=sad w=surprised"),
    ),
    Scheme(
        "JL corpus", "female1_angry_10a_1: speaker female1, emotion angry, sentence 10a",
        r"(?P<speaker>(?:fe)?male\d)_(?P<label>[a-z]+)_\d+[ab]_\d", {},
    ),
    Scheme(
        "nEMO", "AKW_anger_1: speaker AKW, emotion anger, recording 1",
        r"(?P<speaker>[A-Z]{3})_(?P<label>[a-z]+)_\d+",
        _codes("anger=angry fear=fearful happiness=happy neutral=neutral sadness=sad "
               "surprise=surprised"),
    ),
    Scheme(
        "CaFE", "01-C-1-1: speaker 01, emotion C, intensity 1, sentence 1",
        r"(?P<speaker>\d\d)-(?P<label>[CDJNPST])-\d(-\d)?",
        _codes("c=angry d=disgusted j=happy n=neutral p=fearful s=surprised t=sad"),
    ),
    Scheme(
        "MESD", "Anger_C_A_abajo: emotion Anger, voice C (child), corpus A, word abajo",
        r"(?P<label>[A-Z][a-z]+)_(?P<speaker>[CFM])_[AB]_\w+", {},
    ),
    Scheme(
        "URDU", "SM1_F1_A1: speaker SM1, file 1, emotion A",
        r"(?P<speaker>S[FM]\d+)_F\d+_(?P<label>[AHNS])\d+", _WORDS,
    ),
    Scheme(
        "AESDD", "a01 (2): emotion a, sentence 01, speaker 2",
        r"(?P<label>[adfhs])\d\d ?\((?P<speaker>\d+)\)b?", _WORDS,
    ),
    Scheme(
        "SUBESCO", "F_01_OISHI_S_1_ANGRY_1: speaker F_01, sentence 1, emotion ANGRY",
        r"(?P<speaker>[FM]_\d\d)_[A-Z]+_S_\d+_(?P<label>[A-Z]+)_\d", {},
    ),
)  # fmt: skip


def known_scheme(names: Sequence[Name]) -> Scheme | None:
    """Return the scheme that at least nine of ten names follow, if there is one."""
    for scheme in SCHEMES:
        fitting = [pair for name in names if (pair := scheme.read(name)) is not None]
        people, labels = ({pair[place] for pair in fitting} for place in (0, 1))
        several = len(people) > 1 and (len(labels) > 1 or not scheme.labelled)
        if len(fitting) >= _MOST * len(names) and several:
            return scheme
    return None
