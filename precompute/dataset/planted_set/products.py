"""The catalogue: pairs of near-twins after P1 Figure 3; every brand is invented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["word", "picture", "weight", "both"]
Shape = Literal["gable", "box", "pot", "can"]
Motif = Literal["hills", "waves", "stripes", "rays", "dots", "leaves"]
Arrangement = Literal["centred", "low", "aside"]


@dataclass(frozen=True)
class Look:
    """What twins share: the package, its colours (CSS hex) and the words that do not tell them apart."""

    shape: Shape
    arrangement: Arrangement
    motif: Motif
    brand: str
    name: str
    slogan: str
    claims: tuple[str, ...]
    ingredients: tuple[str, ...]
    price: str
    base: str
    second: str
    ink: str
    accent: str
    brand_font: str


@dataclass(frozen=True)
class Product:
    """One class: a look with its own word, pictogram and weight."""

    label: str
    display_name: str
    family: str
    kind: Kind
    look: Look
    word: str
    picture: str
    weight: str


@dataclass(frozen=True)
class Pair:
    """Two products of one family that differ in `kind` only."""

    kind: Kind
    twins: tuple[Product, Product]


def _pair(
    kind: Kind,
    name: str,
    look: Look,
    labels: tuple[str, str],
    word: str | tuple[str, str],
    picture: str | tuple[str, str],
    weight: str | tuple[str, str],
) -> Pair:
    """Twins from what they share (one string) and what tells them apart (two)."""

    def of(value: str | tuple[str, str], twin: int) -> str:
        return value if isinstance(value, str) else value[twin]

    stem = f"{look.brand.capitalize()} {name}"
    first, second = (
        Product(
            label=_ascii(f"{stem} {labels[twin]}").replace(" ", "-"),
            display_name=f"{stem}, {labels[twin].lower()}",
            family=f"{kind}: {stem}",
            kind=kind,
            look=look,
            word=of(word, twin),
            picture=of(picture, twin),
            weight=of(weight, twin),
        )
        for twin in (0, 1)
    )
    return Pair(kind, (first, second))


def _ascii(text: str) -> str:
    return text.translate(str.maketrans("åäöÅÄÖ", "aaoAAO"))


PAIRS: tuple[Pair, ...] = (
    _pair(
        "word",
        "Milk",
        Look(
            shape="gable",
            arrangement="centred",
            motif="hills",
            brand="TORNÄNG",
            name="Mellanmjölk",
            slogan="färsk från gården",
            claims=("1,5 % fett", "Svensk råvara"),
            ingredients=("Innehåll: mjölk, D-vitamin", "Bäst före: se toppen", "Förvaras kallt"),
            price="16,90",
            base="#f7f5ec",
            second="#3f8f55",
            ink="#1d4f30",
            accent="#1d4f30",
            brand_font="DejaVuSerif-Bold",
        ),
        ("Lactose free", "Organic"),
        ("LAKTOSFRI", "EKOLOGISK"),
        "cow",
        "1 liter",
    ),
    _pair(
        "word",
        "Yoghurt",
        Look(
            shape="pot",
            arrangement="low",
            motif="waves",
            brand="MOLNBY",
            name="Yoghurt",
            slogan="mild och len",
            claims=("3 % fett", "Levande kultur"),
            ingredients=("Innehåll: mjölk, yoghurtkultur", "Förvaras kallt"),
            price="22,50",
            base="#efe9fb",
            second="#8d74c9",
            ink="#3c2a78",
            accent="#5a3fa6",
            brand_font="STIXGeneralBolIta",
        ),
        ("Vanilla", "Almond"),
        ("VANILJ", "MANDEL"),
        "cloud",
        "400 g",
    ),
    _pair(
        "word",
        "Crispbread",
        Look(
            shape="box",
            arrangement="centred",
            motif="rays",
            brand="KLINTÖ",
            name="Knäckebröd",
            slogan="bakat på stenhäll",
            claims=("Fiberrikt", "20 skivor"),
            ingredients=("Innehåll: mjöl, vatten, salt", "Bakat i Sverige", "Förvaras torrt"),
            price="27,90",
            base="#e2a32e",
            second="#f3cf77",
            ink="#4b2508",
            accent="#7a2f12",
            brand_font="DejaVuSerif-Bold",
        ),
        ("Sourdough", "Caraway"),
        ("SURDEG", "KUMMIN"),
        "wheat",
        "320 g",
    ),
    _pair(
        "picture",
        "Quark",
        Look(
            shape="pot",
            arrangement="aside",
            motif="dots",
            brand="BÄRVIRA",
            name="Kvarg",
            slogan="vispad och luftig",
            claims=("0,3 % fett", "Rik på protein"),
            ingredients=("Innehåll: kvarg, bär, socker", "Förvaras kallt"),
            price="19,90",
            base="#fbfbf8",
            second="#bfe3d0",
            ink="#0d5b4c",
            accent="#0d7a63",
            brand_font="DejaVuSans-Bold",
        ),
        ("Strawberry", "Blueberry"),
        "MED BÄR",
        ("strawberry", "blueberry"),
        "450 g",
    ),
    _pair(
        "picture",
        "Juice",
        Look(
            shape="gable",
            arrangement="low",
            motif="leaves",
            brand="LUNDVIRA",
            name="Fruktjuice",
            slogan="kallpressad",
            claims=("Utan tillsatt socker", "Pantas ej"),
            ingredients=("Innehåll: fruktjuice", "Skakas före servering", "Öppnad: 5 dagar"),
            price="31,90",
            base="#0f5663",
            second="#1a7683",
            ink="#fdf6e3",
            accent="#f2efe2",
            brand_font="STIXGeneralBol",
        ),
        ("Orange", "Pear"),
        "100 % FRUKT",
        ("orange", "pear"),
        "1,5 liter",
    ),
    _pair(
        "picture",
        "Tea",
        Look(
            shape="box",
            arrangement="low",
            motif="stripes",
            brand="SKYMLA",
            name="Örtte",
            slogan="en stund för dig",
            claims=("Koffeinfritt", "20 tepåsar"),
            ingredients=("Innehåll: torkade örter", "Dra i 5 minuter", "Förvaras torrt"),
            price="34,50",
            base="#20294a",
            second="#2c3966",
            ink="#f1dfb2",
            accent="#d9b45f",
            brand_font="STIXGeneralBol",
        ),
        ("Mint", "Hibiscus"),
        "UTVALDA BLAD",
        ("mint", "hibiscus"),
        "36 g",
    ),
    _pair(
        "weight",
        "Coffee",
        Look(
            shape="can",
            arrangement="centred",
            motif="rays",
            brand="VETTERÖ",
            name="Bryggkaffe",
            slogan="rostat vid havet",
            claims=("Arabica", "Vakuumpackat"),
            ingredients=("Innehåll: malet kaffe", "Förvaras torrt"),
            price="64,90",
            base="#8c1f24",
            second="#a8322f",
            ink="#fff3dc",
            accent="#2b1410",
            brand_font="DejaVuSerif-Bold",
        ),
        ("500 g", "350 g"),
        "MELLANROST",
        "coffee",
        ("500 g", "350 g"),
    ),
    _pair(
        "both",
        "Soup",
        Look(
            shape="can",
            arrangement="low",
            motif="stripes",
            brand="ROTKULLA",
            name="Soppa",
            slogan="kokt på riktigt",
            claims=("Vegansk", "2 portioner"),
            ingredients=("Innehåll: grönsaker, vatten", "Värms varsamt"),
            price="24,90",
            base="#fbf3df",
            second="#f0d9a6",
            ink="#33421a",
            accent="#5d7a22",
            brand_font="DejaVuSans-Bold",
        ),
        ("Tomato", "Carrot"),
        ("TOMAT", "MOROT"),
        ("tomato", "carrot"),
        "560 g",
    ),
)

PRODUCTS: tuple[Product, ...] = tuple(product for pair in PAIRS for product in pair.twins)
