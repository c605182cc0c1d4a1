"""The text of a new study: every field with its meaning, further ones commented out."""

import json

from ablation.init.study_settings import Settings

_TEXT = """\
# {title}
# Written by `ablate init`; every line may be changed. Fields not listed have the paper's values:
# `ablate study show --all --study {name}.toml` prints them all. For an editor to complete and
# check this file, run `ablate study schema > study.schema.json` and make this the first line:
# #:schema ./study.schema.json
name = "{name}"                  # of the study and its folders of results and figures

[corpus]
name = "{corpus}"                # how it is read (`ablate corpus list` shows all)
root = {root}                    # relative to this file
{labels}
[features]                       # the spectrogram
sample_rate = {sample_rate}      # Hz, to which all audio is resampled; {rate_why}
n_fft = {n_fft}                  # samples per Fourier transform: 10 Hz per bin
max_hz = {max_hz}                # the highest frequency used: {rows} bins
segment_s = {segment_s}          # seconds per segment; {segment_why}
train_hop_s = {train_hop_s}      # seconds from one training segment to the next
test_hop_s = {test_hop_s}        # the same for test segments
scope = "corpus"                 # normalised over the corpus, which keeps loudness; or "segment"
# window_ms = 40                 # analysis window; `ablate grid --windows 20,40,80` tries several
# hop_ms = 10                    # from one frame to the next
# scale = "magnitude"            # or "power", "log"
# short = "zero"                 # padding of recordings shorter than a segment; or "repeat", "drop"

[grid]                           # the filter shapes to try
heights = {heights}              # bins of 10 Hz
widths = {widths}                # frames of 10 ms
fixed_height = 2                 # while widths vary
fixed_width = 2                  # while heights vary
seeds = [0]                      # [0, 1, 2] trains everything three times: more precise, but slower

[folds]                          # no speaker is ever in both training and test data
scheme = "{scheme}"              # {folds_why}
{count}count = {groups}          # groups of speakers, for "speaker-groups" only

# [probe]
# filters = 16                   # all of one shape

[training]                       # of a probe
{training}
[network]                        # the full network, which `ablate promote` trains
pools = [1, 2, 3, 4]             # max-pooling after these; the paper's [2, 3]: four times the work
# pooling = "attention"          # or "gap", "bilinear", "max", "statistics"

[network.training]               # as in studies/emodb.toml
epochs = 60                      # passes over all recordings
batch_size = 32                  # segments per step
optimizer = "adamw"              # or "adam", "sgd"
learning_rate = 0.002            # the highest
weight_decay = 0.01              # pulls weights towards zero
schedule = "one-cycle"           # the learning rate rises, then falls
label_smoothing = 0.1            # share of the target spread over all classes
averaging = 0.98                 # decay of the running mean of the weights, which is used

[network.training.augment]       # random changes to training segments
frequency_warp = 0.1             # frequencies stretched by up to this share
time_warp = 0.1                  # the same for time
time_shift = 0.075               # shifted by up to this share of a segment
frequency_mask = 0.1             # bands of up to this share are masked
time_mask = 0.125                # stretches of time likewise
masks = 2                        # of each kind

# [search]                       # the space of `ablate search --trials 40`
# heights = [2, {highest}]       # from the lowest to the highest
# widths = [2, {widest}]

# [execution]
# workers = 2                    # processes; by default as many as the cores allow
"""

_SMALL = """\
steps = {steps}                  # {why}
batch_size = 16                  # segments per step
optimizer = "adam"               # or "sgd" (the paper's), "adamw"
learning_rate = 0.05             # the highest
schedule = "cosine"              # the learning rate falls to zero; "milestones" is the paper's
"""
_LARGE = """\
epochs = 50                      # {why}
batch_size = 64                  # segments per step
# optimizer = "sgd"              # or "adam", "adamw"
# learning_rate = 0.05
# schedule = "milestones"        # the learning rate falls at some epochs; or "cosine"
"""
_OWN_LABELS = """
# [corpus.labels]                # labels of the manifest to classes of the study
{lines}"""
_READY_LABELS = 'labels = "{first}"                 # label map; {others}\n'
_COLUMN, _WIDTH = 33, 100


def study_text(
    title: str,
    name: str,
    corpus: str,
    root: str,
    labels: list[str],
    label_maps: list[str],
    settings: Settings,
) -> str:
    """Return a study as TOML; ``labels`` are the manifest's, ``label_maps`` those of a corpus."""
    small = settings.steps is not None
    training = (_SMALL if small else _LARGE).format(steps=settings.steps, why=settings.steps_why)
    text = _TEXT.format(
        title=_comment(title),
        name=name,
        corpus=corpus,
        root=quoted(root),
        labels=_labels(labels, label_maps),
        sample_rate=settings.sample_rate.value,
        rate_why=settings.sample_rate.why,
        n_fft=settings.n_fft,
        max_hz=settings.max_hz,
        rows=settings.max_hz // 10,
        segment_s=settings.segment_s.value,
        segment_why=settings.segment_s.why,
        train_hop_s=settings.train_hop_s,
        test_hop_s=settings.test_hop_s,
        heights=list(settings.heights),
        widths=list(settings.widths),
        scheme=settings.scheme,
        folds_why=settings.folds_why,
        count="" if settings.scheme == "speaker-groups" else "# ",
        groups=settings.count,
        training=training,
        highest=settings.heights[-1],
        widest=settings.widths[-1],
    )
    return "\n".join(map(_aligned, text.removesuffix("\n").split("\n"))) + "\n"


def _labels(labels: list[str], label_maps: list[str]) -> str:
    if label_maps:
        first, *others = label_maps
        also = ", ".join(f'"{other}"' for other in others)
        return _READY_LABELS.format(first=first, others=f"or {also}" if also else "the only one")
    lines = [f"# {quoted(label)} = {quoted(label)}\n" for label in labels]
    lines.append('# an empty class ("") leaves a label out; the same class joins two\n')
    return _OWN_LABELS.format(lines="".join(lines))


def quoted(text: str) -> str:
    """Return ``text`` as a TOML string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    """Return ``text`` for a comment: on one line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in text)


def _aligned(line: str) -> str:
    """Return ``line`` with its comment in the comment column, or above it where it is too long."""
    if line.startswith("#  ") or "  #" not in line:
        return line
    field, _, comment = line.rpartition("  #")
    beside = f"{field.rstrip():<{_COLUMN - 2}}  #{comment}"
    return beside if len(beside) <= _WIDTH else f"#{comment}\n{field.rstrip()}"
