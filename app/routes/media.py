"""The /media routes: stored pictures, heat maps and crops, each under an address that never changes its content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response

from app.databases import Database
from app.drawing.crops import encode_crop
from app.drawing.heatmaps import Regions, View
from app.drawing.importance import importances_of
from app.drawing.maps import draw_map
from app.drawing.segments import readable_segments
from app.drawing.views import SheetTile, draw_sheet, draw_tile, draw_view
from app.routes.feature_crops import feature_crop, group_crops
from app.tabs.activation.tab import written
from app.view_state import DEFAULT_THRESHOLD
from app.web.render_limit import one_at_a_time
from db.records.explanations import ExplanationView, Modality, PredictedExplanation
from db.records.pictures import PictureView
from db.records.samples import Split

FOREVER = "public, max-age=31536000, immutable"
CROP_SIZE = 192
MAP_SIZE = 256

Threshold = Annotated[float, Query(ge=0, le=1)]
Largest = Annotated[float | None, Query(gt=0)]
ColourMap = Literal["jet", "cividis"]


def media_router(databases: Mapping[str, Database]) -> APIRouter:
    """Routes under /media/{database}/{version}/.

    `version` = the database's, or the stored picture's digest. A picture asked for under an outdated version is
    answered with what there is now, which must then not be kept.
    """
    router = APIRouter(prefix="/media/{db}/{version}")

    def database_of(db: str) -> Database:
        if db not in databases:
            raise HTTPException(404, f"no database {db!r}")
        return databases[db]

    @router.get("/sprite")
    def sprite(
        request: Request, db: str, version: str, label: Annotated[str, Query(alias="class")], split: Split
    ) -> Response:
        database = database_of(db)
        return _stored(request, database, version, database.reader.pictures.sprite(label, split))

    @router.get("/heat/{view}")
    def heat(
        request: Request,
        db: str,
        version: str,
        view: View,
        model: str,
        sample: str,
        target: str,
        threshold: Threshold = DEFAULT_THRESHOLD,
        signed: bool = False,
        colours: ColourMap = "jet",
        largest: Largest = None,
        largest_signed: Largest = None,
    ) -> Response:
        database = database_of(db)
        if known := _not_modified(request, database.version()):
            return known
        found = _explanation(database, model, sample, target)
        regions = database.regions(sample)
        if regions is None:
            raise HTTPException(404, f"{sample} is not segmented")
        importances = importances_of(found, signed, largest_signed if signed else largest)
        media_type, content = draw_view(view, regions, importances, threshold, colours)
        return _answer(request, database, version, media_type, content)

    @router.get("/tile/{view}")
    def tile(
        request: Request,
        db: str,
        version: str,
        view: View,
        model: str,
        sample: str,
        threshold: Threshold = DEFAULT_THRESHOLD,
        signed: bool = False,
        colours: ColourMap = "jet",
    ) -> Response:
        database = database_of(db)
        if known := _not_modified(request, database.version()):
            return known
        found = _explanation(database, model, sample, None)
        regions = database.regions(sample)
        if regions is None:
            raise HTTPException(404, f"{sample} is not segmented")
        sheet = database.sheet(found.label, found.split)
        if sheet is None:
            raise HTTPException(404, f"no sprite sheet of {found.label}")
        media_type, content = draw_tile(view, regions, importances_of(found, signed), threshold, sheet.tile, colours)
        return _answer(request, database, version, media_type, content)

    @router.get("/segments")
    def segments(request: Request, db: str, version: str, sample: str) -> Response:
        database = database_of(db)
        if known := _not_modified(request, database.version()):
            return known
        regions = database.regions(sample)
        if regions is None:
            raise HTTPException(404, f"{sample} is not segmented")
        return _answer(request, database, version, "image/png", readable_segments(regions.label_map))

    @router.get("/heat-sheet/{view}")
    @one_at_a_time
    def heat_sheet(
        request: Request,
        db: str,
        version: str,
        view: View,
        model: str,
        label: Annotated[str, Query(alias="class")],
        split: Split,
        threshold: Threshold = DEFAULT_THRESHOLD,
        signed: bool = False,
        colours: ColourMap = "jet",
    ) -> Response:
        database = database_of(db)
        if known := _not_modified(request, database.version()):
            return known
        sheet = database.sheet(label, split)
        if sheet is None:
            raise HTTPException(404, f"no sprite sheet of {label}")
        positions = {path: position for position, path in enumerate(sheet.samples)}
        tiles = [
            SheetTile(positions[found.sample], _regions(found), importances_of(found, signed))
            for found in database.reader.explanations.for_overlays(model, label, split)
            if found.sample in positions
        ]
        if not tiles:
            raise HTTPException(404, f"no explanation of {label} by {model}")
        media_type, content = draw_sheet(view, tiles, threshold, sheet.tile, sheet.columns, sheet.rows, colours)
        return _answer(request, database, version, media_type, content)

    @router.get("/part/{modality}")
    def crop(
        request: Request, db: str, version: str, modality: Modality, sample: str, feature: Annotated[int, Query(ge=0)]
    ) -> Response:
        database = database_of(db)
        if known := _not_modified(request, database.version()):
            return known
        crop = feature_crop(database, modality, sample, feature, CROP_SIZE)
        if crop is None:
            raise HTTPException(404, f"no such feature of {sample}")
        return _answer(request, database, version, "image/jpeg", encode_crop(crop))

    @router.get("/parts/{modality}")
    @one_at_a_time
    def crops(
        request: Request,
        db: str,
        version: str,
        modality: Modality,
        model: str,
        label: Annotated[str, Query(alias="class")],
    ) -> Response:
        database = database_of(db)
        if known := _not_modified(request, database.version()):
            return known
        content = group_crops(database, model, label, modality)
        if content is None:
            raise HTTPException(404, f"no groups of {label} by {model}")
        return _answer(request, database, version, "image/jpeg", content)

    @router.get("/map")
    def activation_map(
        request: Request,
        db: str,
        version: str,
        model: str,
        sample: str,
        setting: Annotated[str, Query(alias="map")],
        threshold: Threshold = DEFAULT_THRESHOLD,
        colours: ColourMap = "jet",
    ) -> Response:
        database = database_of(db)
        if known := _not_modified(request, database.version()):
            return known
        stored = {written(one): one for one in database.reader.activation.settings(model, sample)}
        detail = database.sample(sample)
        view = database.reader.activation.map(model, sample, stored[setting]) if setting in stored else None
        if view is None or detail is None:
            raise HTTPException(404, f"no such activation map of {sample} by {model}")
        scale = MAP_SIZE / max(detail.width, detail.height)
        size = (max(1, round(scale * detail.width)), max(1, round(scale * detail.height)))
        return _answer(request, database, version, "image/png", draw_map(view.values, size, threshold, colours))

    @router.get("/{kind}")
    def picture(
        request: Request, db: str, version: str, kind: Literal["thumbnail", "display"], sample: str
    ) -> Response:
        database = database_of(db)
        return _stored(request, database, version, database.reader.pictures.of_sample(sample, kind))

    return router


def _regions(explanation: PredictedExplanation) -> Regions:
    return Regions(explanation.label_map, explanation.polygons, (explanation.width, explanation.height))


def _explanation(database: Database, model: str, sample: str, target: str | None) -> ExplanationView:
    """Of the target class; of the predicted one where no target is asked for."""
    for found in database.explanations(model, sample):
        if found.target == target or (target is None and found.kind == "predicted"):
            return found
    raise HTTPException(404, f"no explanation of {sample} by {model}")


def _stored(request: Request, database: Database, version: str, picture: PictureView | None) -> Response:
    if picture is None:
        raise HTTPException(404, "no such picture")
    lasting = version in (picture.digest, database.version())
    tag = f'"{picture.digest[:32]}"'
    headers = {"ETag": tag, "Cache-Control": FOREVER if lasting else "no-cache"}
    if _matches(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(picture.content, media_type=picture.media_type, headers=headers)


def _answer(request: Request, database: Database, version: str, media_type: str, content: bytes) -> Response:
    current = database.version()
    headers = {"ETag": _tag(request, current), "Cache-Control": FOREVER if version == current else "no-cache"}
    if media_type == "image/svg+xml":
        headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return Response(content, media_type=media_type, headers=headers)


def _not_modified(request: Request, version: str) -> Response | None:
    """304 before anything is drawn, where the browser still has what was drawn from this version."""
    tag = _tag(request, version)
    cache = FOREVER if request.path_params["version"] == version else "no-cache"
    return Response(status_code=304, headers={"ETag": tag, "Cache-Control": cache}) if _matches(request, tag) else None


def _tag(request: Request, version: str) -> str:
    """Of a drawn picture: everything that it is drawn from."""
    what = f"{version} {request.url.path.split('/', 4)[4]} {request.url.query}"
    return f'"{hashlib.sha256(what.encode()).hexdigest()[:32]}"'


def _matches(request: Request, tag: str) -> bool:
    asked = request.headers.get("if-none-match", "")
    return any(part.strip().removeprefix("W/") in (tag, "*") for part in asked.split(","))
