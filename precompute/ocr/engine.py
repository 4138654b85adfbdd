"""What an OCR engine is, and RapidOCR as one."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from db.errors import UserError
from db.records.written import EntryRecord


class OcrEngine(Protocol):
    """Reads the text in a picture; made once in each worker process by calling its class without arguments."""

    name: str

    def read(self, picture: Image.Image) -> list[EntryRecord]:
        """The texts of an upright RGB picture in reading order, polygons in its pixels, confidence 0..1 or None."""
        ...


class RapidOcr:
    """RapidOCR (PP-OCR small) on ONNX Runtime, with the models in its package: it asks no other host for anything.

    One thread: workers share the cores, and sums do not depend on how many there are.
    """

    name = "rapidocr"

    def __init__(self) -> None:
        try:
            import rapidocr
        except ImportError as error:
            raise UserError(
                f"stage ocr: {error}; install rapidocr, or leave `ocr` out of the recipe's stages"
            ) from error
        models = Path(str(rapidocr.__file__)).parent / "models"
        self._read = rapidocr.RapidOCR(
            params={
                "Global.log_level": "critical",
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                "Det.model_path": find_model(models, "det"),
                "Cls.model_path": find_model(models, "cls"),
                "Rec.model_path": find_model(models, "rec"),
            }
        )

    def read(self, picture: Image.Image) -> list[EntryRecord]:
        """See `OcrEngine.read`; nothing found = an empty list."""
        found = self._read(np.asarray(picture)[:, :, ::-1])  # it expects blue first
        if found.txts is None or found.boxes is None:
            return []
        return [
            EntryRecord(text, tuple((float(x), float(y)) for x, y in box), float(score))
            for text, box, score in zip(found.txts, found.boxes, found.scores, strict=True)
        ]


def find_model(folder: Path, task: str) -> str:
    """The one model file for a task (det, cls, rec); without its path, RapidOCR would download one.

    Raises:
        UserError: it is not there.
    """
    files = sorted(folder.glob(f"*_{task}_*.onnx"))
    if not files:
        raise UserError(
            f"stage ocr: no {task} model in {folder}; `pip install --force-reinstall rapidocr` brings it,"
            " or leave `ocr` out of the recipe's stages"
        )
    return str(files[0])
