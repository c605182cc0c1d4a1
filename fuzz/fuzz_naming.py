"""Folders of recordings called by any scheme: what is read unasked is right, or nothing is."""

import tomllib
from pathlib import Path

from hypothesis import strategies as st
from strategies import texts
from test_naming import Made, corpora, partition
from trials import Trials, Unfit

from ablation.init.finding import Found, Recording
from ablation.init.understanding import ReadingOptions, understand
from ablation.init.writing import prepare, study_name

ODD = ("calibration.wav", "notes/tone.wav", "test", "._x.wav", "copy of 1.wav", "\u200b.wav")


@st.composite
def slips(draw: st.DrawFn) -> tuple[Made, list[int]]:
    """A corpus in which a few names are no names of it, or are spelt in capitals; and which."""
    made = draw(corpora())
    few = st.integers(0, len(made.names) - 1)
    changed = draw(st.lists(few, max_size=2, unique=True))
    for at in changed:
        *folders, file = made.names[at]
        odd = draw(st.sampled_from([file.upper(), file + "_x", *ODD]) | texts)
        made.names[at] = (*folders, odd.replace("/", "_").replace("\0", "") or "x")
    return made, changed


def fuzz_folders(fuzz: Trials, folder: Path) -> None:
    """From names to a study that is valid; the speakers of what was not changed are those meant."""

    def attempt(example: tuple[Made, list[int]]) -> None:
        made, changed = example
        files = [(*folders, f"{name}.wav") for *folders, name in made.names]
        recordings = tuple(Recording(folder.joinpath(*f), f, 16000, 2.0) for f in files)
        found = Found(folder, recordings, (), ())
        understood = understand(found, ReadingOptions())
        start = prepare(found, understood, folder, study_name(folder, "study"), force=False)
        tomllib.loads(start.study_text)
        at = {path: number for number, path in enumerate(files)}
        read = [(at[one.recording.path], one) for one in understood.spoken]
        sound = [(number, one) for number, one in read if number not in changed]
        if len(sound) < 0.6 * (len(files) - len(changed)):  # a slip may be set aside, and named
            raise Unfit(f"{understood.how}: only {len(sound)} of {files}")
        for said, meant in (
            ([one.speaker for _, one in sound], [made.speakers[number] for number, _ in sound]),
            ([one.label for _, one in sound], [made.labels[number] for number, _ in sound]),
        ):
            if partition(said) != partition(meant):
                raise Unfit(f"{understood.how}: {said[:8]}, meant {meant[:8]}")

    fuzz(slips(), attempt)
