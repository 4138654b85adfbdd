"""OCR polygons as SVG."""

import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np

from app.drawing.importance import Importances, normalised_importances
from app.drawing.polygons import text_heatmap, text_shapes

TRIANGLE = [(0.0, 0.0), (10.0, 0.0), (5.0, 7.25)]


def test_polygons_below_the_threshold_are_left_out() -> None:
    importances = normalised_importances(np.zeros(0, np.float32), np.array([1.0, 0.1, 0.2, -1], np.float32))
    svg = ElementTree.fromstring(text_heatmap([TRIANGLE] * 4, (100, 50), importances, 0.2))
    assert svg.get("viewBox") == "0 0 100 50"
    assert len(svg) == 2


def test_colour_is_jet_of_the_importance() -> None:
    importances = Importances(np.zeros(0, np.float32), np.array([0.5], np.float32), False)
    (polygon,) = ElementTree.fromstring(text_heatmap([TRIANGLE], (100, 50), importances, 0.2))
    red, green, blue, _ = matplotlib.colormaps["jet"](round(0.5 * 255), bytes=True)
    assert polygon.get("fill") == f"#{red:02x}{green:02x}{blue:02x}"
    assert polygon.get("points") == "0.0,0.0 10.0,0.0 5.0,7.2"


def test_the_strongest_polygon_lies_on_top() -> None:
    importances = Importances(np.zeros(0, np.float32), np.array([0.5, -0.9, 0.1], np.float32), True)
    assert [shape.position for shape in text_shapes([TRIANGLE] * 3, importances)] == [2, 0, 1]


def test_no_entries_give_an_empty_drawing() -> None:
    importances = normalised_importances(np.ones(3, np.float32), np.zeros(0, np.float32))
    assert len(ElementTree.fromstring(text_heatmap([], (10, 10), importances, 0.2))) == 0
