"""Reading stored pictures: thumbnails, display pictures, sprite sheets and label maps."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Engine, select

from db.read.samples import polygons_of
from db.records.explanations import Modality
from db.records.pictures import LabelMapView, PartSource, PictureView, SamplePicture, SpriteView
from db.records.samples import Split
from db.schema.tables import Category, Mask, Picture, Sample, Segmentation

_COLUMNS = (Picture.kind, Picture.content, Picture.digest, Picture.media_type, Picture.width, Picture.height)


@dataclass(frozen=True)
class Pictures:
    """Pictures by the name of what they show."""

    _engine: Engine

    def of_sample(self, path: str, kind: SamplePicture) -> PictureView | None:
        """A sample's picture of one kind."""
        query = select(*_COLUMNS).join(Sample, Sample.id == Picture.sample_id)
        with self._engine.connect() as connection:
            row = connection.execute(query.where(Sample.path == path, Picture.kind == kind)).one_or_none()
        return None if row is None else PictureView(*row)

    def sprite(self, label: str, split: Split) -> SpriteView | None:
        """The sheet of thumbnails of a class and split."""
        query = select(*_COLUMNS, Picture.layout).join(Category, Category.id == Picture.category_id)
        with self._engine.connect() as connection:
            row = connection.execute(query.where(Category.label == label, Picture.split == split)).one_or_none()
        if row is None:
            return None
        layout = row.layout or {}
        kind, content, digest, media_type, width, height, _ = row
        tile, columns, samples = layout["tile"], layout["columns"], tuple(layout["samples"])
        return SpriteView(kind, content, digest, media_type, width, height, tile, columns, samples)

    def label_map(self, path: str, settings_hash: str | None = None) -> LabelMapView | None:
        """The superpixels of a sample; None too where they were made with other settings than those asked for."""
        query = (
            select(Segmentation.label_map, Segmentation.segments, Segmentation.width, Segmentation.height)
            .join(Sample, Sample.id == Segmentation.sample_id)
            .where(Sample.path == path)
        )
        if settings_hash is not None:
            query = query.where(Segmentation.settings_hash == settings_hash)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        digest = hashlib.sha256(row.label_map).hexdigest()
        return LabelMapView(row.label_map, digest, row.segments, row.width, row.height)

    def label_maps(self, label: str) -> dict[str, bytes]:
        """The superpixels of a class's samples as PNG, by path; those that have none are left out."""
        query = (
            select(Sample.path, Segmentation.label_map)
            .join(Sample, Sample.id == Segmentation.sample_id)
            .join(Category, Category.id == Sample.category_id)
            .where(Category.label == label)
        )
        with self._engine.connect() as connection:
            return dict(connection.execute(query).all())

    def masks(self) -> dict[str, bytes]:
        """The ground-truth masks as PNG, by the sample's path."""
        query = select(Sample.path, Mask.content).join(Sample, Sample.id == Mask.sample_id)
        with self._engine.connect() as connection:
            return dict(connection.execute(query).all())

    def part_sources(self, paths: Collection[str], modality: Modality) -> dict[str, PartSource]:
        """What crops of samples are cut out of, by path; none where the picture or the label map is missing."""
        photographs = (
            select(Sample.id, Sample.path, Sample.width, Sample.height, Picture.content)
            .join(Picture, Picture.sample_id == Sample.id)
            .where(Sample.path.in_(paths), Picture.kind == "display")
        )
        with self._engine.connect() as connection:
            rows = connection.execute(photographs).all()
            keys = [row.id for row in rows]
            if modality == "text":
                found = polygons_of(connection, keys)
                sources = {row.id: (len(found[row.id]), b"", found[row.id]) for row in rows}
            else:
                maps = select(Segmentation.sample_id, Segmentation.segments, Segmentation.label_map)
                labels = connection.execute(maps.where(Segmentation.sample_id.in_(keys)))
                sources = {row.sample_id: (row.segments, row.label_map, []) for row in labels}
        return {
            row.path: PartSource(row.content, row.width, row.height, *sources[row.id])
            for row in rows
            if row.id in sources
        }
