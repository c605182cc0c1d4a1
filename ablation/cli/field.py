"""``ablate field``: what the layers of a saved network can see, and what its last map sees."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from ablation.cli.failures import say
from ablation.cli.networks import Choice
from ablation.cli.options import FIGURES, FiguresOption
from ablation.cli.plan_printing import print_object
from ablation.cli.report import import_matplotlib
from ablation.errors import counted

if TYPE_CHECKING:
    from ablation.results.field_record import FieldRecord


def field(
    *,
    files: Annotated[
        list[str] | None,
        Argument(
            metavar="[FILE...]",
            help="Recordings, folders or patterns to measure on; default: the study's corpus.",
        ),
    ] = None,
    choice: Choice,
    segments: Annotated[int, Option(min=1, help="Number of segments to average over.")] = 32,
    output: Annotated[
        Path | None, Option(help="Default: FIGURES/STUDY/field.png (or .pdf, .svg).")
    ] = None,
    json_: Annotated[bool, Option("--json", help="Print JSON.")] = False,
    figures: FiguresOption = FIGURES,
) -> None:
    """Measure the receptive field of a saved network, before and after training.

    Every layer's theoretical field, and the effective field of the last map before pooling: the
    mean absolute gradient of its central unit (Luo et al., 2016). It is stored beside the network,
    for plot and report.
    """
    import_matplotlib()
    from ablation.analysis.evidence import Evidence
    from ablation.analysis.study_results import StudyResults
    from ablation.figures import draw_field, write_figure
    from ablation.figures.field_catalogue import best_shapes
    from ablation.progress import Reporter
    from ablation.results import run_record
    from ablation.runs.field import cuts_of, measure
    from ablation.saved.predict import expand_recordings

    folder, saved = choice.opened()
    known = saved.record
    there = run_record.any_run(choice.results, known.study)
    cuts = [(file, None, None) for file in expand_recordings(files or [])]
    evidence = None
    if there or not cuts:
        run = run_record.find_run(choice.results, known.study, known.digest)
        evidence = Evidence(StudyResults(choice.results, run))
        cuts = cuts or cuts_of(run.study)
    record = measure(folder, saved, cuts, segments, Reporter())
    path = output or figures / known.study / "field.png"
    shapes = {} if evidence is None else best_shapes(evidence)
    title = f"{known.study}: receptive field of {known.title}, {' + '.join(known.shapes)}"
    write_figure(lambda: draw_field(record, shapes, title), path, "--output")
    if json_:
        print_object({"network": str(folder), **_content(record)})
    else:
        _print_tables(record)
    say(f"figure: {path}")


def _content(record: FieldRecord) -> dict[str, Any]:
    """Return the theoretical and effective fields as they are printed as JSON."""
    from ablation.analysis.fields import extents

    def sides(rows: int, frames: int) -> dict[str, Any]:
        hz = record.hz(rows)
        extent = {} if not hz else {"hz": hz[0] if len(hz) == 1 else list(hz)}
        return {record.row_unit: rows, **extent, "frames": frames, "ms": frames * record.frame_ms}

    effective = {}
    for state, field in record.fields.items():
        height, width = extents(field)
        effective[state] = {
            "half": sides(height.half, width.half),
            "mass": sides(height.mass, width.mass),
        }
    layers = [{"name": x.name, "kind": x.kind, **sides(x.bins, x.frames)} for x in record.layers]
    return {
        "layers": layers,
        "pooled": record.pooled,
        "segments": record.segments,
        "effective": effective,
    }


def _print_tables(record: FieldRecord) -> None:
    content = _content(record)
    rows = [("theoretical field of the central unit", content["layers"])]
    rows += [
        (
            f"effective field of {record.pooled}, {title} ({counted(record.segments, 'segment')})",
            [{"name": s, "kind": "", **content["effective"][s][part]} for s in record.fields],
        )
        for part, title in (("half", "at half height"), ("mass", "95 % of its mass"))
    ]
    wide = max(len(layer.name) for layer in record.layers)
    unit, digits = record.row_unit, ".4g" if record.bands_hz else "g"
    high = max(6, len(unit))
    heads = f"{'Hz':>8}  " if record.bin_hz else ""
    if record.bands_hz:
        heads = "".join(f"{f'{place} Hz':>8}  " for place in ("low", "mid", "top"))
    for title, lines in rows:
        print(title)
        print(f"  {'':{wide}}  {unit:>{high}}  {heads}{'frames':>6}  {'ms':>8}")
        for line in lines:
            hz = "".join(f"{value:>8{digits}}  " for value in record.hz(line[unit]))
            numbers = f"{line[unit]:>{high}}  {hz}{line['frames']:>6}  {line['ms']:>8g}"
            print(f"  {line['name']:{wide}}  {numbers}  {line['kind']}".rstrip())
