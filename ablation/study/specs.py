"""All tables of a study and its digest.

The defaults are the paper's protocol (Li et al., Interspeech 2018, sections 2 and 3.1) with our
reading of what it leaves open; ``docs/explanation/protocol.md`` says which choice is whose. Every
other reading is a value of a field here, so that a stored result tells which one was taken.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Annotated, Any

from pydantic import Field

from ablation.study.baselines import BaselinesSpec, DevelopmentSpec
from ablation.study.data import CorpusSpec, FeaturesSpec, FoldsSpec
from ablation.study.execution import ClusterSpec, ExecutionSpec
from ablation.study.fields import NAME, Spec
from ablation.study.grid import GridSpec, SearchSpec
from ablation.study.models import NetworkSpec, ProbeSpec, TrainingSpec
from ablation.study.tables import COMMAND_LINE, set_field, validated, without_none

DIGEST_VERSION = 2
BASELINE_VERSION = 1
NETWORK_VERSION = 3  # of the network digest: what trains a network may change without the probe


class Study(Spec):
    """All settings of a study."""

    name: Annotated[str, Field(pattern=NAME)] = Field(
        default="study",
        description="Name of the study and of the folders with its results and figures.",
    )
    corpus: CorpusSpec = Field(default=CorpusSpec(), description="Which corpus, and its labels.")
    features: FeaturesSpec = Field(
        default=FeaturesSpec(), description="The spectrogram and its segments."
    )
    probe: ProbeSpec = Field(default=ProbeSpec(), description="The probe.")
    grid: GridSpec = Field(default=GridSpec(), description="The shapes that a grid tries.")
    search: SearchSpec = Field(default=SearchSpec(), description="What a search covers.")
    folds: FoldsSpec = Field(default=FoldsSpec(), description="How speakers are split into folds.")
    training: TrainingSpec = Field(default=TrainingSpec(), description="Training of a probe.")
    network: NetworkSpec = Field(default=NetworkSpec(), description="The full network.")
    baselines: BaselinesSpec = Field(
        default=BaselinesSpec(), description="What the networks are compared with."
    )
    development: DevelopmentSpec = Field(
        default=DevelopmentSpec(), description="Speakers that training may be tuned on."
    )
    execution: ExecutionSpec = Field(
        default=ExecutionSpec(), description="How cells are distributed over this machine."
    )
    cluster: ClusterSpec = Field(
        default=ClusterSpec(), description="A dask cluster that trains the cells."
    )

    def replace(self, field: str, value: Any) -> "Study":
        """Return the study with another value of a field, named as ``training.epochs``.

        A whole table (``corpus``) may be given too. Raises
        :class:`~ablation.errors.StudyError` for an unknown field or a value that it cannot take.
        """
        tables = self.tables()
        set_field(
            tables, field, value.model_dump(mode="json") if isinstance(value, Spec) else value
        )
        return validated(Study, tables, COMMAND_LINE)

    def tables(self) -> dict[str, Any]:
        """Return the tables as a TOML file has them, without default-valued fields."""
        return without_none({"name": self.name} | self.given())

    def _repr_html_(self) -> str:
        """Return how a notebook shows the study: the fields that are not as by default."""
        given = {
            table: json.dumps(values, ensure_ascii=False) for table, values in self.given().items()
        }
        rows = "".join(
            f"<tr><td>{escape(table)}</td><td>{escape(text)}</td></tr>"
            for table, text in given.items()
        )
        return f"<table><caption>study {escape(self.name)}</caption>{rows}</table>"

    @property
    def title(self) -> str:
        """The name, and the user's own model in place of the probe, if there is one."""
        own = self.probe.factory
        return self.name if own is None else f"{self.name}, model {own}"

    def given(self) -> dict[str, Any]:
        """Return the tables without default-valued fields, as plain JSON types."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def digest(self, corpus_fingerprint: str, code: str = "") -> str:
        """Return twelve hex digits over what changes a probe's row but is no column of it.

        Default-valued fields are left out, so that a new option orphans no stored result. ``code``
        is the digest of the source of the user's own model (``probe.factory``), if there is one.
        """
        tables = self.given()
        for name in self.probe.without_effect():
            del tables["probe"][name]
        features = self.features.effective(tables.get("features", {}))
        features.pop("window_ms", None)  # a column of the row
        return _hash(
            {
                "version": DIGEST_VERSION,
                "corpus": corpus_fingerprint,
                "features": features,
                "threads": self.execution.threads,
                **{table: tables.get(table, {}) for table in ("probe", "folds", "training")},
            }
            | ({"code": code} if code else {})
        )

    def network_digest(
        self,
        probe_digest: str,
        shapes: Sequence[str],
        code: str = "",
        development: Mapping[str, Sequence[str]] | None = None,
    ) -> str:
        """Return the digest of what changes a promoted network's row.

        ``code`` is the digest of the source of the user's own network, if there is one;
        ``development`` are the development speakers of each fold, if there are any.
        """
        network = self.given().get("network", {})
        network.pop("conv1", None)  # the shapes as chosen say it
        return _hash(
            {
                "version": NETWORK_VERSION,
                "probe": probe_digest,
                "window_ms": self.features.window_ms,
                "shapes": list(shapes),
                "network": network,
            }
            | ({"code": code} if code else {})
            | ({"development": dict(development)} if development else {})
        )

    def baseline_digest(
        self, name: str, development: Mapping[str, Sequence[str]] | None = None
    ) -> str:
        """Return the digest of what changes a baseline's row, beside the study's own digest.

        It is empty for a baseline that has no settings and tunes nothing.
        """
        spec = self.baselines.of(name)
        if spec is None:
            return ""
        return _hash(
            {
                "version": BASELINE_VERSION,
                "name": name,
                "settings": spec.model_dump(mode="json", exclude_defaults=True),
            }
            | ({"development": dict(development)} if development else {})
        )


def _hash(settings: dict[str, Any]) -> str:
    text = json.dumps(settings, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
