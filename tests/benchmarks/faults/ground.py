"""What the job works on: a small data set with masks, a recipe with all stages, and what may be changed in them."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from precompute.dataset.planted_set.writer import write_planted_set
from tests.tiny_recipe import RECIPE

CLASSES = (
    "Tornang-Milk-Lactose-free",
    "Tornang-Milk-Organic",
    "Barvira-Quark-Blueberry",
    "Barvira-Quark-Strawberry",
)
SPLITS = ("train", "test")


def draw(root: Path, classes: int = len(CLASSES)) -> None:
    """Write the data set: some classes of the planted set, with a mask each picture."""
    full = root.with_name(f"{root.name}-full")
    write_planted_set(full, seed=0, train_per_class=4, test_per_class=2, workers=1)
    kept = CLASSES[:classes]
    for split in SPLITS:
        for label in kept:
            shutil.copytree(full / split / label, root / split / label)
            for picture in (root / split / label).iterdir():
                draw_mask(root, picture, (0.25, 0.25, 0.5, 0.5))
        lines = (full / split / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
        own = [line for line in lines if json.loads(line)["label"] in kept]
        (root / split / "metadata.jsonl").write_text("".join(f"{line}\n" for line in own), encoding="utf-8")
    shutil.copy(full / "classes.csv", root)
    shutil.rmtree(full)


def draw_mask(root: Path, picture: Path, box: tuple[float, float, float, float]) -> None:
    """Mark a rectangle of a picture, in shares of its size."""
    with Image.open(picture) as opened:
        size = opened.size
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).rectangle([round(share * size[side % 2]) for side, share in enumerate(box)], fill=255)
    file = root / "masks" / picture.relative_to(root).with_suffix(".png")
    file.parent.mkdir(parents=True, exist_ok=True)
    mask.save(file)


def recipe(quick: bool) -> str:
    """Every kind of work, and little of each; `quick` = fewer models."""
    kinds = ["image", "text", "feature_concatenation", *([] if quick else ["embracenet"]), "embedding"]
    small = RECIPE.replace("evaluations = 64", "evaluations = 32").replace("segments = 30", "segments = 12")
    return (
        'stages = ["ingest", "train", "explain-local", "explain-global", "activation"]\n'
        + small.replace("[explain]", '[explain]\nsplit = "all"')
        + '\n[global]\nsplit = "train"\n\n[embedding]\ntrees = 20\n\n[activation]\ntops = [1, 3]\n'
        + "".join(f'\n[[models]]\nname = "{kind}"\nkind = "{kind}"\n' for kind in kinds)
    )


@dataclass(frozen=True)
class Ground:
    """A data set that is changed at random; each method says what it did."""

    root: Path
    random: random.Random

    def digest(self) -> str:
        """Of all names and bytes."""
        digest = hashlib.sha256()
        for file in sorted(path for path in self.root.rglob("*") if path.is_file()):
            digest.update(f"{file.relative_to(self.root)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()

    def edit_picture(self, split: str | None = None) -> str:
        file = self._picture(split)
        self._scribble(file)
        return f"picture {file.relative_to(self.root)} edited"

    def edit_mask(self) -> str:
        file, place = self._picture(), self.random.uniform(0.1, 0.4)
        draw_mask(self.root, file, (place, place, place + 0.3, place + 0.4))
        return f"mask of {file.relative_to(self.root)} edited"

    def edit_metadata(self) -> str:
        """Change the text of an entry, or leave an entry out."""
        split = self.random.choice(SPLITS)
        file = self.root / split / "metadata.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines()
        number = self.random.randrange(len(lines))
        row = json.loads(lines[number])
        if row["ocr"] and self.random.random() < 0.7:
            self.random.choice(row["ocr"])["text"] = f"ord{self.random.randrange(1000)}"
        else:
            row["ocr"], row["evidence"] = row["ocr"][:1], []
        lines[number] = json.dumps(row, ensure_ascii=False)
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return f"{split}/metadata.jsonl: line {number + 1} changed"

    def touch(self) -> str:
        file = self._picture()
        os.utime(file)
        return f"picture {file.relative_to(self.root)} touched"

    @contextmanager
    def moved_folder(self) -> Iterator[str]:
        """A class away until the block ends: in one split, or in both."""
        label = self.random.choice([path.name for path in sorted((self.root / "train").iterdir()) if path.is_dir()])
        splits = self.random.choice([("train",), ("test",), SPLITS])
        away = self.root.with_name(f"{self.root.name}-away")
        away.mkdir()
        for split in splits:
            shutil.move(self.root / split / label, away / split)
        try:
            yield f"{'+'.join(splits)}/{label} moved away"
        finally:
            for split in splits:
                shutil.move(away / split, self.root / split / label)
            away.rmdir()

    @contextmanager
    def edited_picture(self) -> Iterator[str]:
        """A picture that is another one until the block ends, with its old time afterwards or with a new one."""
        file = self._picture()
        kept = self.root.with_name(f"{self.root.name}-kept")
        shutil.copy2(file, kept)
        self._scribble(file)
        try:
            yield f"picture {file.relative_to(self.root)} edited for a while"
        finally:
            (shutil.copy2 if self.random.random() < 0.5 else shutil.copyfile)(kept, file)
            kept.unlink()

    def _picture(self, split: str | None = None) -> Path:
        folder = self.root / (split or self.random.choice(SPLITS))
        return self.random.choice(sorted(folder.rglob("*.jpg")))

    def _scribble(self, file: Path) -> None:
        with Image.open(file) as opened:
            picture = opened.convert("RGB")
        x, y = (self.random.randrange(side // 2) for side in picture.size)
        colour = tuple(self.random.randrange(256) for _ in range(3))
        ImageDraw.Draw(picture).rectangle((x, y, x + picture.width // 3, y + picture.height // 3), fill=colour)
        picture.save(file, quality=90)


def damage(checkpoint: Path, others: list[Path], random: random.Random) -> str:
    """Spoil a checkpoint: the signs of some weights, its end, or all of it, which becomes another model's."""
    content = bytearray(checkpoint.read_bytes())
    how = random.choice(["signs", "end", "swap"])
    if how == "swap" and others:
        other = random.choice(others)
        ours, theirs = checkpoint.read_bytes(), other.read_bytes()
        checkpoint.write_bytes(theirs)
        other.write_bytes(ours)
        return f"checkpoints {checkpoint.name} and {other.name} swapped"
    if how == "signs":
        for place in range(len(content) - 1, len(content) // 2, -4):
            content[place] ^= 0x80
        checkpoint.write_bytes(content)
        return f"checkpoint {checkpoint.name}: signs flipped"
    checkpoint.write_bytes(content[: random.randrange(len(content))])
    return f"checkpoint {checkpoint.name}: cut short"
