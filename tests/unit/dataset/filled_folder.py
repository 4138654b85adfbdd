"""A data set of two classes, and something that hangs on each of its samples."""

from __future__ import annotations

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.schema.tables import Sample, Segmentation
from tests.dataset_folder import SQUARE, DatasetFolder, Ingestion, entry


@pytest.fixture
def filled(folder: DatasetFolder) -> DatasetFolder:
    """Two classes of three samples each in train, one in test, with text, evidence and a mask."""
    for split, numbers in (("train", range(3)), ("test", range(1))):
        rows = []
        for label in ("milk", "yoghurt"):
            for i in numbers:
                folder.picture(f"{split}/{label}/{i}.jpg")
                evidence = [{"kind": "entry", "entry": 1}, {"kind": "region", "polygon": SQUARE}]
                ocr = [entry(label), entry(str(i), confidence=None)]
                rows.append({"file_name": f"{label}/{i}.jpg", "label": label, "ocr": ocr, "evidence": evidence})
        folder.metadata(split, *rows)
    mask = folder.root / "masks/test/milk/0.png"
    mask.parent.mkdir(parents=True)
    Image.new("L", (40, 30), 255).save(mask)
    return folder


def mark(ingestion: Ingestion) -> None:
    """Let something hang on every sample, as later stages do."""
    with Session(ingestion.engine) as session, session.begin():
        for sample_id in session.scalars(select(Sample.id)):
            session.add(
                Segmentation(sample_id=sample_id, settings_hash="", segments=1, width=1, height=1, label_map=b"")
            )


def marked(ingestion: Ingestion) -> set[str]:
    with Session(ingestion.engine) as session:
        return set(session.scalars(select(Sample.path).join(Segmentation)))
