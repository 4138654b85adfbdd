"""The guide's own model, run as the guide says: by the installed command, from the folder that holds the model."""

import json
import re
import subprocess
import sys
from pathlib import Path

from PIL import Image

from tests.command_line import PROJECT, command

GUIDE = (PROJECT / "docs" / "own-data-and-model.md").read_text(encoding="utf-8")

COMMAND = Path(sys.executable).parent / "shelf-lens"


def _block(language: str, containing: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)
    return next(block for block in blocks if containing in block)


def test_the_guides_model_is_explained_from_its_own_folder_by_two_workers(tmp_path: Path) -> None:
    for split in ("train", "test"):
        lines = []
        for number, label in enumerate(["bright", "labelled"] * 2):
            name = f"{label}/{number}.png"
            path = tmp_path / "data" / split / name
            path.parent.mkdir(parents=True, exist_ok=True)
            picture = Image.new("RGB", (64, 48), (40, 40, 40))
            if label == "bright":
                picture.paste((250, 250, 250), (16, 12, 48, 36))
            picture.putpixel((number, number), (200, 0, 0))
            picture.save(path)
            words = [{"text": "milk", "polygon": [[2, 2], [20, 2], [20, 9], [2, 9]], "confidence": 0.9}]
            lines.append(json.dumps({"file_name": name, "label": label, "ocr": words if label == "labelled" else []}))
        (tmp_path / "data" / split / "metadata.jsonl").write_text("\n".join(lines))
    (tmp_path / "my_model.py").write_text(_block("python", "class Brightness"))
    (tmp_path / "mine.toml").write_text(_block("toml", "my_model:Brightness") + "\n[explain]\nevaluations = 200\n")
    url = f"sqlite:///{tmp_path}/mine.db"
    run = [COMMAND, "run", "--dataset", "data", "--recipe", "mine.toml", "--db", url, "--workers", "2"]
    subprocess.run(run, cwd=tmp_path, capture_output=True, check=True)
    answer = command("db", "export", "explanations", "--format", "jsonl", "--db", url)
    rows = [json.loads(line) for line in answer.stdout.splitlines()]
    labelled = [row for row in rows if row["label"] == row["target"] == "labelled"]
    assert labelled
    assert all(row["text_weights"][0] > 0 for row in labelled)
