"""Do explanations find what was planted? The report on a data set that says what tells its near-twins apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from db.errors import UserError
from db.plain_table import table
from db.read.reader import Reader
from db.session import Engine
from precompute.evaluation.planted_findings import (
    Finding,
    ModalitySeparation,
    TwinAccuracy,
    modality_separation,
    model_findings,
    right_explanations,
    twin_accuracies,
)
from precompute.evaluation.planted_groups import GroupFinding, group_findings
from precompute.evaluation.planted_samples import planted_samples
from precompute.evaluation.statistics import Share
from precompute.recipe import FUSIONS

MIN_SAMPLES = 60


@dataclass(frozen=True)
class Bar:
    """A figure and the bar that it must reach (`at_least`) or stay under."""

    name: str
    value: float | None
    bar: float
    at_least: bool = True

    @property
    def met(self) -> bool:
        """False too where the figure is missing."""
        if self.value is None:
            return False
        return self.value >= self.bar if self.at_least else self.value <= self.bar


@dataclass(frozen=True)
class PlantedReport:
    """All that `evaluate planted` measures; `kinds` = each model's kind, by name."""

    accuracies: tuple[TwinAccuracy, ...]
    findings: tuple[Finding, ...]
    separations: tuple[ModalitySeparation, ...]
    groups: tuple[GroupFinding, ...]
    kinds: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values; every share with its count, chance level and 95 % interval."""
        return {
            "accuracies": [
                {**asdict(row), "right": _share_json(row.right), "twins": _share_json(row.twins)}
                for row in self.accuracies
            ],
            "findings": [
                {**asdict(row), "top_entry": _share_json(row.top_entry), "top_parts": _share_json(row.top_parts)}
                for row in self.findings
            ],
            "separations": [asdict(row) for row in self.separations],
            "groups": [
                {**asdict(row), "found": _share_json(row.found), "noise": _share_json(row.noise)} for row in self.groups
            ],
            "bars": [{**asdict(bar), "met": bar.met} for bar in bars(self)],
        }


def planted_report(engine: Engine, models: Sequence[str] | None = None) -> PlantedReport:
    """Judge models and their explanations by the planted evidence of the test samples.

    Args:
        models: names; all stored ones where None. Explanations are judged of those that have any.

    Raises:
        UserError: no planted evidence, or a model that is not stored.
    """
    reader = Reader(engine)
    stored = reader.models.stored()
    if unknown := set(models or ()) - {model.name for model in stored}:
        names = ", ".join(model.name for model in stored)
        raise UserError(f"model {min(unknown)}: not in the database; it has {names or 'none'}")
    wanted = [model for model in stored if models is None or model.name in models]
    samples = planted_samples(reader)
    everywhere = samples | planted_samples(reader, "train")
    accuracies, findings, separations, groups = [], [], [], []
    for model in wanted:
        accuracies += twin_accuracies(reader, model, samples)
        if right := right_explanations(reader, model.name, samples):
            findings += model_findings(model.name, right)
            separations.append(modality_separation(model.name, right))
        groups += group_findings(reader, model.name, everywhere)
    kinds = {model.name: model.kind for model in wanted}
    return PlantedReport(tuple(accuracies), tuple(findings), tuple(separations), tuple(groups), kinds)


def bars(report: PlantedReport) -> list[Bar]:
    """What makes the sample set a fair judge, and the explanations good.

    The unimodal models are held to the comparison of the two twins, which is stricter than their plain accuracy.
    """
    overall = [row for row in report.accuracies if row.kind == "all" and report.kinds[row.model] in FUSIONS]
    best = max((row.right.value for row in overall if row.right.value is not None), default=None)
    found = [Bar("accuracy of the best fusion, all test samples", best, 0.90)]
    for row in report.accuracies:
        if (report.kinds[row.model], row.kind) in (("image", "word"), ("text", "picture")):
            blind = row.twins.value if row.twins else None
            found.append(Bar(f"{row.model}: telling {row.kind}-only twins apart", blind, 0.60, at_least=False))
    for pair in report.separations:
        if report.kinds[pair.model] in FUSIONS:
            findings = {row.kind: row for row in report.findings if row.model == pair.model}
            found += _word_bars(pair.model, findings.get("word"))
            found += _picture_bars(pair.model, findings.get("picture"))
            found.append(Bar(f"{pair.model}: AUC of image_share, picture-only against word-only", pair.auc, 0.90))
    for group in report.groups:
        share = 0.9 if group.kind == "word" else 0.8
        found.append(
            Bar(f"{group.model}: {group.kind}-only classes whose first groups show it", group.found.value, share)
        )
    for name, noise in {group.model: group.noise for group in report.groups}.items():
        found.append(Bar(f"{name}: noise among top picture parts", noise.value, 0.5, at_least=False))
    return found


def _word_bars(model: str, finding: Finding | None) -> list[Bar]:
    share = finding.top_entry.value if finding and finding.top_entry else None
    return [
        Bar(f"{model}: word-only samples that it has right", finding.right if finding else 0, MIN_SAMPLES),
        Bar(f"{model}: the planted entry is the top text feature", share, 0.80),
    ]


def _picture_bars(model: str, finding: Finding | None) -> list[Bar]:
    share = finding.top_parts.value if finding and finding.top_parts else None
    region = finding.region_mean if finding else None
    return [
        Bar(f"{model}: picture-only samples that it has right", finding.right if finding else 0, MIN_SAMPLES),
        Bar(f"{model}: a top-3 superpixel at least half inside the planted region", share, 0.80),
        Bar(f"{model}: the region's mean share of the picture", region, 0.10, at_least=False),
    ]


def format_report(report: PlantedReport) -> str:
    """The report as plain text; shares in per cent with 95 % Wilson intervals and counts."""
    parts = [_accuracies(report), _findings(report), _separations(report)]
    if report.groups:
        parts.append(_groups(report))
    return "\n\n".join([*parts, _bars(report)]) + "\n"


def _accuracies(report: PlantedReport) -> str:
    rows = [("model", "twins differ in", "right", "chance", "right between twins", "chance")]
    for row in report.accuracies:
        twins = ("", "") if row.twins is None else (_share(row.twins), _chance(row.twins))
        rows.append((row.model, row.kind, _share(row.right), _chance(row.right), *twins))
    return "Accuracy on the test samples ('all' = every class)\n" + table(rows)


def _findings(report: PlantedReport) -> str:
    rows = [
        (
            "model",
            "twins differ in",
            "right",
            "planted entry on top",
            "chance",
            "top-3 part in region",
            "chance",
            "within reach",
            "region of picture, mean / largest",
        )
    ]
    for row in report.findings:
        rows.append(
            (
                row.model,
                row.kind,
                str(row.right),
                *((_share(row.top_entry), _chance(row.top_entry)) if row.top_entry else ("", "")),
                *(
                    (_share(row.top_parts), _chance(row.top_parts), str(row.reachable))
                    if row.top_parts
                    else ("", "", "")
                ),
                f"{_percent(row.region_mean)} / {_percent(row.region_largest)}" if row.region_mean is not None else "",
            )
        )
    return "Explanations of the predicted class, on the test samples that the model has right\n" + table(rows)


def _separations(report: PlantedReport) -> str:
    rows = [("model", "AUC", "chance", "picture-only", "word-only")]
    for row in report.separations:
        auc = "-" if row.auc is None else f"{row.auc:.3f}"
        rows.append((row.model, auc, "0.500", str(row.picture), str(row.word)))
    return "image_share: picture-only samples against word-only ones, right ones alone\n" + table(rows)


def _groups(report: PlantedReport) -> str:
    rows = [("model", "twins differ in", "classes whose first groups show it", "noise among top picture parts")]
    rows += [(row.model, row.kind, _share(row.found), _share(row.noise)) for row in report.groups]
    return "Groups of a class: planted word among the first 2, half a part in the region among the first 3\n" + table(
        rows
    )


def _bars(report: PlantedReport) -> str:
    rows = [("", "figure", "value", "bar")]
    for bar in bars(report):
        value = "-" if bar.value is None else f"{bar.value:.3f}".rstrip("0").rstrip(".")
        sign = ">=" if bar.at_least else "<="
        rows.append(("met" if bar.met else "NOT MET", bar.name, value, f"{sign} {bar.bar:g}"))
    return "Bars\n" + table(rows)


def _share(share: Share) -> str:
    if share.interval is None:
        return "-"
    low, high = share.interval
    return f"{_percent(share.value)} [{100 * low:.1f}, {100 * high:.1f}] of {share.count}"


def _chance(share: Share) -> str:
    return _percent(share.chance)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _share_json(value: Share | None) -> dict[str, Any] | None:
    return None if value is None else {**asdict(value), "value": value.value, "interval": value.interval}
