"""The model card of a saved network: what it is for, what it was trained on, how good it is."""

from ablation.errors import counted
from ablation.saved.record import Record
from ablation.study.extents import noise_text, rows_text


def model_card(record: Record) -> str:
    """Return the card as Markdown."""
    corpus, features = record.corpus, record.features
    shapes = " + ".join(record.shapes)
    held_out = (
        f"held out: {', '.join(corpus.test_speakers)}"
        if corpus.test_speakers
        else "nobody was held out"
    )
    lines = [
        f"# {record.title} with Conv1 of {shapes}",
        "",
        f"Predicts the emotion of a recording of speech: {', '.join(record.classes)}. Trained by "
        f"ablation {record.ablation} in study `{record.study}`, after Li et al., *An Attention "
        "Pooling based Representation Learning Method for Speech Emotion Recognition* "
        "(Interspeech 2018).",
        "",
        "```",
        "ablate predict FILE... --network THIS_FOLDER",
        "```",
        "",
        "```python",
        "import ablation",
        "",
        'network = ablation.load_network("THIS_FOLDER")',
        'print(network.predict("recording.wav").scores)',
        "```",
        "",
        "## How good it is",
        "",
        _scores(record),
        "",
        "## What it was trained on",
        "",
        f"Corpus {corpus.name} ({counted(corpus.utterances, 'utterance')}, fingerprint "
        f"`{corpus.fingerprint}`); {counted(len(corpus.train_speakers), 'speaker')}: "
        f"{', '.join(corpus.train_speakers)}; {held_out}. The corpus' licence may restrict the use "
        "of this network.",
        "",
        "## Its input",
        "",
        f"Segments of {features.segment_s:g} s at {features.sample_rate} Hz, mono: "
        f"{rows_text(features, 'frequency bin')} by "
        f"{counted(features.width, 'frame')} of "
        f"{features.hop_ms:g} ms, window {features.window_ms:g} ms, scale {features.scale}, range "
        f"taken over the {features.scope}. A recording's score is the mean over its segments."
        + _noise(record),
        "",
        f"{record.parameters:,} parameters, {record.multiply_adds:,} multiply-adds per segment. "
        f"Seed {record.seed}; settings `{record.digest}`, network `{record.network_digest}`.",
        "",
        "## What it is not for",
        "",
        "It was scored only on the corpus above. With other speakers, languages, rooms or "
        "microphones, and with emotions that are not acted, expect less. It classifies how "
        "something is said into the classes of one corpus; it does not know what anybody feels, "
        "and must not be the basis of a decision about a person.",
    ]
    return "\n".join(lines) + "\n"


def _noise(record: Record) -> str:
    mixed = noise_text(record.features)
    if not mixed:
        return ""
    return (
        f" It was trained and scored with {mixed} mixed into every recording; predicting mixes "
        f"none in."
    )


def _scores(record: Record) -> str:
    scores = record.scores
    if scores is None:
        return "It was not scored."
    return (
        f"WA {100 * scores.wa:.1f} %, UA {100 * scores.ua:.1f} % on {scores.utterances} "
        f"utterances: {scores.measured_on}."
    )
