"""The addresses of pictures, relative to the page; app/routes/media.py answers them. Each carries a version."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from app.databases import Database
from db.records.explanations import ExplanationView
from db.records.samples import Split


def sprite_address(database: Database, label: str, split: Split) -> str:
    """The sprite sheet of a class and split."""
    return _address(database, database.version(), "sprite", {"class": label, "split": split})


def picture_address(database: Database, digest: str, kind: str, path: str) -> str:
    """A sample's thumbnail or display picture."""
    return _address(database, digest, kind, {"sample": path})


def heat_address(database: Database, explanation: ExplanationView, view: str) -> str:
    """A heat map of one explanation; the page adds `signed`."""
    names = {"model": explanation.model, "sample": explanation.sample, "target": explanation.target}
    return _address(database, database.version(), f"heat/{view}", names)


def shared_heat_address(
    database: Database, explanation: ExplanationView, view: str, largest: float | None, largest_signed: float | None
) -> str:
    """The same on a scale that several explanations share: the weights that are drawn as 1, without and with sign."""
    scale = {"largest": largest, "largest_signed": largest_signed}
    known = urlencode({name: f"{value:.6g}" for name, value in scale.items() if value})
    return heat_address(database, explanation, view) + (f"&{known}" if known else "")


def segments_address(database: Database, path: str) -> str:
    """Which superpixel each pixel belongs to, for the page's script."""
    return _address(database, database.version(), "segments", {"sample": path})


def thumbnail_address(database: Database, path: str) -> str:
    """A sample's thumbnail, where its digest is not at hand."""
    return picture_address(database, database.version(), "thumbnail", path)


def tile_address(database: Database, model: str, path: str) -> str:
    """A heat map for the gallery, of the predicted class; the page replaces `{view}`."""
    return _address(database, database.version(), "tile/{view}", {"model": model, "sample": path})


def map_address(database: Database, model: str, path: str, setting: str) -> str:
    """An activation map; `setting` as app/tabs/activation/tab.py writes it."""
    return _address(database, database.version(), "map", {"model": model, "sample": path, "map": setting})


def heat_sheet_address(database: Database, model: str, label: str, split: Split) -> str:
    """Heat maps of the predicted classes, at the positions of the sprite sheet; the page replaces `{view}`."""
    names = {"model": model, "class": label, "split": split}
    return _address(database, database.version(), "heat-sheet/{view}", names)


def crop_address(database: Database, modality: str, path: str, feature: int) -> str:
    """The crop of a superpixel or of an entry."""
    return _address(database, database.version(), f"part/{modality}", {"sample": path, "feature": str(feature)})


def group_crops_address(database: Database, model: str, label: str, modality: str) -> str:
    """The crops of a class's first groups, a row a group, in one picture."""
    return _address(database, database.version(), f"parts/{modality}", {"model": model, "class": label})


def _address(database: Database, version: str, what: str, query: dict[str, str]) -> str:
    return f"media/{quote(database.name, safe='')}/{version}/{what}?{urlencode(query)}"
