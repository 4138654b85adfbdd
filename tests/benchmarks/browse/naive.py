"""The obvious way to show the same in Gradio, as a yardstick: PIL pictures into gr.Gallery and gr.Image.

python -m tests.benchmarks.browse.naive --db sqlite:///explanations.db --port 7900
"""

from __future__ import annotations

import argparse
import io
import os
from functools import cache
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
import numpy as np
from PIL import Image

from app.drawing.heatmaps import Regions, View, encode_values, value_field
from app.drawing.importance import normalised_importances
from db.read.reader import Reader
from db.records.samples import SampleView
from db.session import open_read_only

VIEWS: tuple[View, ...] = ("image", "text", "multimodal")
THRESHOLD, STRENGTH = 0.2, 0.6


class Pictures:
    """Photographs and heat maps as PIL pictures, drawn anew whenever they are asked for."""

    def __init__(self, url: str) -> None:
        self._reader = Reader(open_read_only(url))
        self.model = self._reader.models.all()[0].name
        self.labels = [view.label for view in self._reader.classes.all()]

    def samples(self, label: str) -> list[SampleView]:
        return self._reader.samples.of_class(label, self.model)

    def photograph(self, path: str, kind: Any = "display") -> Image.Image:
        picture = self._reader.pictures.of_sample(path, kind)
        assert picture is not None
        return Image.open(io.BytesIO(picture.content)).convert("RGB")

    def view(self, path: str, view: View, kind: Any = "display") -> Image.Image:
        photograph = self.photograph(path, kind)
        found = self._reader.explanations.of(self.model, path)[0]
        detail, labels = self._reader.samples.get(path), self._reader.pictures.label_map(path)
        assert detail is not None and labels is not None
        regions = Regions(labels.content, [entry.polygon for entry in detail.entries], (detail.width, detail.height))
        field = value_field(
            view, regions, normalised_importances(found.image_weights, found.text_weights), photograph.size
        )
        overlay = Image.open(io.BytesIO(encode_values(field, False, THRESHOLD))).convert("RGBA")
        strength = np.asarray(overlay)[..., 3:] / 255 * STRENGTH
        blended = np.asarray(photograph) * (1 - strength) + np.asarray(overlay)[..., :3] * strength
        return Image.fromarray(blended.astype(np.uint8))


def make_blocks(pictures: Pictures) -> gr.Blocks:
    """A tab with one sample in four views and a tab with a gallery, as a first version of such a page would have."""
    samples = cache(pictures.samples)

    def show(label: str, index: float) -> list[Any]:
        path = samples(label)[int(index)].path
        return [path, pictures.photograph(path), *(pictures.view(path, view) for view in VIEWS)]

    def step(label: str, index: float) -> list[Any]:
        after = (int(index) + 1) % len(samples(label))
        return [after, *show(label, after)]

    def gallery(label: str, layer: str) -> list[Any]:
        paths = [sample.path for sample in samples(label)]
        if layer == "photograph":
            return [label, [pictures.photograph(path, "thumbnail") for path in paths]]
        return [label, [pictures.view(path, "multimodal", "thumbnail") for path in paths]]

    with gr.Blocks(title="naive", analytics_enabled=False) as blocks:
        label = gr.Dropdown(pictures.labels, value=pictures.labels[0], label="Class")
        with gr.Tabs():
            with gr.Tab("Single Sample"):
                index, button = gr.Number(0, visible=False), gr.Button("Next sample")
                path = gr.HTML(elem_id="path")
                with gr.Row(elem_id="views"):
                    views = [gr.Image(format="png") for _ in range(4)]
            with gr.Tab("Gallery"):
                layer = gr.Radio(["photograph", "multimodal"], value="photograph", label="View")
                title = gr.HTML(elem_id="title")
                grid = gr.Gallery(columns=8, elem_id="grid", height="auto", format="png")
        button.click(step, [label, index], [index, path, *views])
        label.change(gallery, [label, layer], [title, grid])
        layer.change(gallery, [label, layer], [title, grid])
        blocks.load(show, [label, index], [path, *views])
        blocks.load(gallery, [label, layer], [title, grid])
    return blocks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    blocks = make_blocks(Pictures(options.db))
    blocks.launch(server_name="127.0.0.1", server_port=options.port, quiet=True, ssr_mode=False)


if __name__ == "__main__":
    main()
