"""The text of a new study: every field with what it means, further ones to be taken in."""

import json

from ablation.drivers.starting.settings import Settings

_TEXT = """\
# {title}
# Written by `ablate init`; every line may be changed. What is not named has the paper's value:
# `ablate study show --all --study {name}.toml` prints all of it. Editors complete and check this
# file by a schema: `ablate study schema > study.schema.json`, and as the first line here
# #:schema ./study.schema.json
name = "{name}"                  # names the folders of results and figures

[corpus]
name = "{corpus}"                # how it is read (`ablate corpus list` names the others)
root = {root}                    # relative to this file
{labels}
[features]                       # the spectrogram
sample_rate = {sample_rate}      # Hz, to which all is resampled; {rate_why}
n_fft = {n_fft}                  # samples of a Fourier transform: 10 Hz a bin
max_hz = {max_hz}                # the highest frequency seen: {rows} bins
segment_s = {segment_s}          # seconds that are seen at once; {segment_why}
train_hop_s = {train_hop_s}      # seconds from one training segment to the next
test_hop_s = {test_hop_s}        # the same of segments that are scored
scope = "corpus"                 # one loudness scale for all: loudness is a cue ("segment": none)
# window_ms = 40                 # of analysis; `ablate grid --windows 20,40,80` tries several
# hop_ms = 10                    # from one frame to the next
# scale = "magnitude"            # or "power", "log"
# short = "zero"                 # what fills a recording shorter than a segment; "repeat", "drop"

[grid]                           # the filter shapes to try
heights = {heights}              # bins of 10 Hz
widths = {widths}                # frames of 10 ms
fixed_height = 2                 # of the filters whose widths are tried
fixed_width = 2                  # of the filters whose heights are tried
seeds = [0]                      # [0, 1, 2] trains everything three times: steadier, and dearer

[folds]                          # no speaker is ever on both sides
scheme = "{scheme}"              # {folds_why}
{count}count = {groups}          # groups of speakers, of "speaker-groups" alone

# [probe]
# filters = 16                   # of the one shape that a probe has

[training]                       # of a probe
{training}
[network]                        # the full network, which `ablate promote` trains
pools = [1, 2, 3, 4]             # max-pooling after these; the paper's [2, 3]: four times the work
# pooling = "attention"          # or "gap", "bilinear", "max", "statistics"

[network.training]               # as studies/emodb.toml
epochs = 60                      # runs through all recordings
batch_size = 32                  # segments a step
optimizer = "adamw"              # or "adam", "sgd"
learning_rate = 0.002            # the highest
weight_decay = 0.01              # pulls weights towards zero
schedule = "one-cycle"           # the learning rate rises, then falls
label_smoothing = 0.1            # certainty that training does not ask for
averaging = 0.98                 # a running mean of the weights is what counts

[network.training.augment]       # random changes of what it is trained on
frequency_warp = 0.1             # pitch stretched by up to this share
time_warp = 0.1                  # time likewise
time_shift = 0.075               # moved by up to this share of a segment
frequency_mask = 0.1             # a band of up to this share is silenced
time_mask = 0.125                # a stretch of time likewise
masks = 2                        # of either kind

# [search]                       # what `ablate search --trials 40` looks through
# heights = [2, {highest}]       # from the lowest to the highest
# widths = [2, {widest}]

# [execution]
# workers = 2                    # processes; as many as the cores allow when left out
"""

_SMALL = """\
steps = {steps}                  # {why}
batch_size = 16                  # segments a step
optimizer = "adam"               # or "sgd" (the paper's), "adamw"
learning_rate = 0.05             # the highest
schedule = "cosine"              # the learning rate falls to zero; "milestones" is the paper's
"""
_LARGE = """\
epochs = 50                      # {why}
batch_size = 64                  # segments a step
# optimizer = "sgd"              # or "adam", "adamw"
# learning_rate = 0.05
# schedule = "milestones"        # the learning rate falls at some epochs; or "cosine"
"""
_OWN_LABELS = """
# [corpus.labels]                # labels of the manifest to classes of the study
{lines}"""
_READY_LABELS = 'labels = "{first}"                 # its classes; {others}\n'
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
    """A study's TOML. ``labels`` are the manifest's, ``label_maps`` the ready ones of a corpus."""
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
        return _READY_LABELS.format(first=first, others=f"or {also}" if also else "all it has")
    lines = [f"# {quoted(label)} = {quoted(label)}\n" for label in labels]
    lines.append('# an empty class ("") leaves a label out, the same class twice joins two\n')
    return _OWN_LABELS.format(lines="".join(lines))


def quoted(text: str) -> str:
    """A TOML string of ``text``, whatever it holds."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    """``text`` as part of a comment: on one line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in text)


def _aligned(line: str) -> str:
    """``line`` with its comment where those of the others stand, or above it for want of room."""
    if line.startswith("#  ") or "  #" not in line:
        return line
    field, _, comment = line.rpartition("  #")
    beside = f"{field.rstrip():<{_COLUMN - 2}}  #{comment}"
    return beside if len(beside) <= _WIDTH else f"#{comment}\n{field.rstrip()}"
