"""Relic restoration (文物影像修复): fill the cracks and flaked places of a relic's picture.

Digital restoration shows a conservator how a damaged relief, wall, manuscript or portrait may have looked before a brush
touches it. The measure is the peak signal-to-noise ratio over the damaged pixels, in dB.

*Data.* Crops of real pictures that ship inside scikit-image, so that nothing is downloaded: Greek coins, a brick wall, a
printed page, gravel, a ceramic cup, a portrait in colour. They stand in for relics, of which only the coins are any. Damage
is simulated: cracks are random walks with branches that taper, flakes are clumps of discs. What lay underneath is gone
from the inputs: damaged pixels are black or white.

*Second generator.* Other pictures, and damage of another kind: craquelure along the borders of Voronoi cells, and a loss
that creeps in from an edge.

*Baseline.* OpenCV's inpainting by fluid dynamics (Bertalmio et al. 2001) at the radius that did best on seeds from 1000
on, of 1, 2, 3 and 5; better there than fast marching (Telea 2004) at any of them.

*Method.* A biharmonic fill (scikit-image, Damelin and Hoang 2018) to start with. Then the picture's own intact patches are
parted into groups (scikit-learn's k-means), each a Gaussian, and each damaged patch is the conditional mean given what is
still there, under the Gaussian that fits it best: piecewise linear estimation (Yu, Sapiro and Mallat 2012, IEEE TIP 21).
Where patches overlap, the more certain one counts more. Colour is parted into its principal axes first.

*Published.* Yu et al. fill pixels missing at random, from 20 % to 80 %; no published figure stands beside gaps as
wide as these.
"""

from __future__ import annotations

import io
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dujiang.scenarios.contract import SHIFTED, Answer, BadInput, Case, Resources, Scenario, Text

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

CROPS = {"small": (1, 128), "default": (3, 128), SHIFTED: (3, 128)}
"""Crops a seed, and their side in pixels."""
PICTURES = ("coins", "brick", "page", "gravel", "coffee", "astronaut")
OTHER_PICTURES = ("camera", "chelsea", "ihc", "motorcycle_left")
RADIUS = 1  # of the baseline, in pixels
PATCH, GROUPS, PASSES = 6, 6, 2
SHIFT, FLOOR = 200.0, 2.0  # variances, in squared levels: a patch's brightness is free; nothing is known to the level
DOUBT = 300.0  # variance of the first fill
MOST_PATCHES = 4000  # that the groups are learnt from
BATCH = 1024


@dataclass(frozen=True, slots=True)
class Damaged:
    """A picture, height x width x 3 in levels 0-255 (grey has three equal channels), and where it is damaged."""

    pixels: Pixels
    mask: Mask


# --- cases --------------------------------------------------------------------------------------------------------


def cases(seed: int, size: str) -> list[Case]:
    """Return damaged crops; the truth is each crop's mask and what was there."""
    draw = np.random.default_rng([seed, 7])
    count, side = CROPS[size]
    made = []
    for _ in range(count):
        whole = _crop(draw, OTHER_PICTURES if size == SHIFTED else PICTURES, side)
        mask = _craquelure(draw, side) if size == SHIFTED else _cracks_and_flakes(draw, side)
        pixels = np.where(mask[..., None], np.uint8(draw.choice([0, 255])), whole)
        made.append(Case(Damaged(pixels, mask), {"mask": mask, "levels": whole[mask]}))
    return made


def _crop(draw: np.random.Generator, names: tuple[str, ...], side: int) -> Pixels:
    from PIL import Image
    from skimage import data

    with Image.open(Path(data.__file__).parent / f"{draw.choice(names)}.png") as image:
        whole = np.asarray(image.convert("RGB"))
    top, left = (int(draw.integers(0, extent - side + 1)) for extent in whole.shape[:2])
    return whole[top : top + side, left : left + side].copy()


def _disc(mask: Mask, row: float, column: float, radius: float) -> None:
    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    mask |= (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def _cracks_and_flakes(draw: np.random.Generator, side: int) -> Mask:
    mask = np.zeros((side, side), dtype=bool)
    for _ in range(int(draw.integers(2, 5))):
        start = (*draw.uniform(0, side, 2), draw.uniform(0, 2 * math.pi), draw.uniform(0.6, 2.2))
        walks = [(*start, int(draw.uniform(0.6, 1.3) * side))]
        while walks:
            row, column, course, radius, length = walks.pop()
            for step in range(length):
                course += draw.normal(0, 0.18)
                row, column = row + math.sin(course), column + math.cos(course)
                _disc(mask, row, column, radius * (1 - 0.6 * step / length))
                if draw.random() < 0.008:
                    turned = course + draw.choice([-1, 1]) * draw.uniform(0.5, 1.2)
                    walks.append((row, column, turned, radius * 0.7, (length - step) // 2))
    for _ in range(int(draw.integers(4, 9))):
        row, column = draw.uniform(0, side, 2)
        radius = draw.uniform(2.5, 7)
        for _ in range(7):
            centre = (row + draw.normal(0, radius * 0.6), column + draw.normal(0, radius * 0.6))
            _disc(mask, *centre, radius * draw.uniform(0.4, 0.9))
    return mask


def _craquelure(draw: np.random.Generator, side: int) -> Mask:
    """Return the borders of Voronoi cells, of a width for each crop, and a loss along one edge."""
    from scipy.spatial import cKDTree

    grid = np.indices((side, side)).reshape(2, -1).T
    centres = draw.uniform(0, side, (int(draw.integers(12, 25)), 2))
    near, which = cKDTree(centres).query(grid, k=2)
    apart = np.linalg.norm(centres[which[:, 0]] - centres[which[:, 1]], axis=1)
    # How far a pixel is from the border between its two nearest centres.
    mask = ((near[:, 1] ** 2 - near[:, 0] ** 2) / (2 * apart) < draw.uniform(0.7, 1.8)).reshape(side, side)
    depth = np.abs(4 + np.cumsum(draw.normal(0, 0.7, side))).clip(0, 9)
    return np.asarray(np.rot90(mask | (np.arange(side)[:, None] < depth), int(draw.integers(4))))


# --- baseline and method ------------------------------------------------------------------------------------------


def _answer(inputs: Damaged, filled: NDArray[Any]) -> Answer:
    rows, columns = np.nonzero(inputs.mask)
    levels = np.rint(filled[inputs.mask]).clip(0, 255).astype(int)
    names = ("row", "column", "red", "green", "blue")
    table = np.column_stack([rows, columns, levels]).tolist()
    return [dict(zip(names, row, strict=True)) for row in table]


def baseline(inputs: Damaged) -> Answer:
    """Answer OpenCV's fill by the Navier-Stokes equations."""
    import cv2

    return _answer(inputs, cv2.inpaint(inputs.pixels, inputs.mask.astype(np.uint8), RADIUS, cv2.INPAINT_NS))


def method(inputs: Damaged) -> Answer:
    """Answer the conditional mean of each damaged patch under the Gaussians of the intact ones."""
    return _answer(inputs, restore(inputs.pixels, inputs.mask))


def restore(pixels: Pixels, mask: Mask) -> Array:
    """Return the picture with its damaged pixels filled, height x width x 3, in levels."""
    from skimage.restoration import inpaint_biharmonic

    known = pixels[~mask].astype(np.float64)
    middle = known.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov((known - middle).T))
    axes = axes[:, spread >= max(1.0, spread[-1] * 1e-6)] if spread[-1] >= 1 else axes[:, -1:]
    planes = (pixels - middle) @ axes
    planes[mask] = 0.0
    first = inpaint_biharmonic(planes, mask, channel_axis=-1)
    seen = planes[~mask]
    first = first.clip(seen.min(axis=0), seen.max(axis=0))
    filled = [_by_patches(planes[..., one], mask, first[..., one]) for one in range(planes.shape[-1])]
    whole = np.stack(filled, axis=-1) @ axes.T + middle
    return np.where(mask[..., None], whole, pixels)


def _windows(plane: NDArray[Any]) -> NDArray[Any]:
    return np.lib.stride_tricks.sliding_window_view(plane, (PATCH, PATCH)).reshape(-1, PATCH * PATCH)


def _by_patches(plane: Array, mask: Mask, first: Array) -> Array:
    if min(plane.shape) < PATCH:
        return first
    damaged = _windows(mask).any(axis=1)
    groups = _groups(_windows(plane)[~damaged])
    if not groups:
        return first
    places = _windows(np.arange(plane.size).reshape(plane.shape))[damaged]
    lost = mask.ravel()
    value, doubt = first.ravel().copy(), np.where(lost, DOUBT, 1.0)
    for _ in range(PASSES):
        total, weight, count = (np.zeros(plane.size) for _ in range(3))
        for start in range(0, len(places), BATCH):
            at = places[start : start + BATCH]
            mean, variance = _conditional(value[at], doubt[at], groups)
            certain = 1 / variance
            weight += np.bincount(at.ravel(), certain.ravel(), plane.size)
            total += np.bincount(at.ravel(), (certain * mean).ravel(), plane.size)
            count += np.bincount(at.ravel(), minlength=plane.size)
        value[lost] = (total / np.maximum(weight, 1e-12))[lost]
        doubt[lost] = (count / np.maximum(weight, 1e-12))[lost].clip(1.0)
    return value.reshape(plane.shape)


def _groups(patches: Array) -> list[tuple[float, Array, Array]]:
    """Return each group's share, mean and covariance; none where too few patches are intact."""
    from sklearn.cluster import KMeans

    if len(patches) < 4 * PATCH**2:
        return []
    chosen = patches[np.random.default_rng(0).permutation(len(patches))[:MOST_PATCHES]]
    kinds = min(GROUPS, len(np.unique(chosen, axis=0)))
    label = KMeans(kinds, n_init=1, max_iter=20, random_state=0).fit_predict(chosen)
    groups = [chosen[label == one] for one in range(kinds)]
    free = SHIFT + FLOOR * np.eye(PATCH**2)
    return [
        (len(one) / len(chosen), one.mean(axis=0), np.cov(one.T) + free)
        for one in groups
        if len(one) >= PATCH**2 or len(one) == max(map(len, groups))
    ]


def _conditional(value: Array, doubt: Array, groups: list[tuple[float, Array, Array]]) -> tuple[Array, Array]:
    """Return mean and variance of patches seen with noise of variance ``doubt``, each under its likeliest Gaussian."""
    count, length = value.shape
    likely = np.full(count, -np.inf)
    best = np.zeros(count, dtype=int)
    for place, (share, centre, covariance) in enumerate(groups):
        # One noise for all pixels here, so that one factor serves all patches.
        lower = np.linalg.cholesky(covariance)
        white = np.linalg.solve(lower, (value - centre).T)
        score = math.log(share) - 0.5 * (white**2).sum(axis=0) - np.log(np.diag(lower)).sum()
        best[score > likely] = place
        likely = np.maximum(likely, score)
    mean, variance = np.empty_like(value), np.empty_like(value)
    for place, (_, centre, covariance) in enumerate(groups):
        mine = np.flatnonzero(best == place)
        seen = covariance + doubt[mine][:, :, None] * np.eye(length)
        inverse = np.linalg.inv(seen)
        gain = covariance @ inverse
        mean[mine] = centre + (gain @ (value[mine] - centre)[:, :, None])[:, :, 0]
        # The covariance given what is seen is gain x noise, on whose diagonal the variances stand.
        variance[mine] = (np.diagonal(gain, axis1=1, axis2=2) * doubt[mine]).clip(0.1)
    return mean, variance


def judge(truth: dict[str, Any], answer: Answer) -> float:
    """Return the PSNR over the damaged pixels in dB, at most 99; raises ValueError where one is missing or off the scale."""
    places, levels = _levels(answer)
    if not np.array_equal(places, np.argwhere(truth["mask"])):
        raise ValueError("the answer does not hold each damaged pixel once, row by row")
    if not ((levels >= 0) & (levels <= 255)).all():
        raise ValueError("a level is not within 0-255")
    error = float(np.mean((levels - truth["levels"].astype(np.float64)) ** 2))
    return min(99.0, 10 * math.log10(255**2 / error)) if error else 99.0


def _levels(answer: Answer) -> tuple[NDArray[np.int64], Array]:
    places = np.array([[one["row"], one["column"]] for one in answer], dtype=np.int64)
    return places, np.array([[one["red"], one["green"], one["blue"]] for one in answer], dtype=np.float64)


# --- files --------------------------------------------------------------------------------------------------------

FORMAT = Text(
    "zip：一张 PNG 或 TIFF 图片与 mask.png（白为破损）",
    "zip of a picture (PNG or TIFF) and mask.png (white where damaged)",
)
MOST_PIXELS = 4_000_000
MOST_BYTES = 64 * 2**20


def read(path: Path) -> Damaged:
    """Read a zip with a picture of 8 bits a channel, grey or RGB, and ``mask.png`` of its size, black and white.

    Raises `BadInput`.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = [one.filename for one in archive.infolist() if not one.is_dir()]
            pictures = [one for one in names if one != "mask.png" and one.lower().endswith((".png", ".tif", ".tiff"))]
            if "mask.png" not in names:
                expected = Text("包内有 mask.png", "mask.png in the zip")
                raise BadInput(path, field="mask.png", expected=expected, found=", ".join(names)[:80])
            if len(pictures) != 1:
                expected = Text("除 mask.png 外恰有一张 PNG 或 TIFF 图片", "one PNG or TIFF picture beside mask.png")
                raise BadInput(path, field="picture", expected=expected, found=", ".join(pictures)[:80] or "0")
            for name in (pictures[0], "mask.png"):
                if archive.getinfo(name).file_size > MOST_BYTES:
                    expected = Text("不超过 64 MiB", "64 MiB at most")
                    raise BadInput(path, field=name, expected=expected, found=str(archive.getinfo(name).file_size))
            picture, mask = archive.read(pictures[0]), archive.read("mask.png")
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise BadInput(path, expected=FORMAT, found=type(error).__name__) from error
    pixels = _image(path, pictures[0], picture, ("L", "RGB"), "RGB")
    levels = _image(path, "mask.png", mask, ("1", "L"), "L")
    if levels.shape != pixels.shape[:2]:
        height, width = pixels.shape[:2]
        expected = Text(f"与图片同大：{width} × {height}", f"of the picture's size, {width} x {height}")
        raise BadInput(path, field="mask.png", expected=expected, found=f"{levels.shape[1]} x {levels.shape[0]}")
    between = levels[(levels != 0) & (levels != 255)]
    if len(between):
        expected = Text("只有黑（0）与白（255）", "nothing but black (0) and white (255)")
        raise BadInput(path, field="mask.png", expected=expected, found=str(between[0]))
    share = float((levels == 255).mean())
    if not 0 < share <= 0.5:
        expected = Text("破损多于 0、不超过一半", "damage above 0 and at most half")
        raise BadInput(path, field="mask.png", expected=expected, found=f"{share:.0%}")
    return Damaged(pixels, levels == 255)


def _image(path: Path, name: str, content: bytes, modes: tuple[str, ...], mode: str) -> Pixels:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "TIFF")) as image:
            if image.mode not in modes:
                expected = Text(f"模式为 {' 或 '.join(modes)}", f"mode {' or '.join(modes)}")
                raise BadInput(path, field=name, expected=expected, found=image.mode)
            if not 64 <= image.width * image.height <= MOST_PIXELS:
                expected = Text("64 至 400 万像素", f"64 to {MOST_PIXELS:,} pixels")
                raise BadInput(path, field=name, expected=expected, found=f"{image.width} x {image.height}")
            return np.array(image.convert(mode), dtype=np.uint8)
    except BadInput:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        expected = Text("PNG 或 TIFF 图片", "a PNG or TIFF picture")
        raise BadInput(path, field=name, expected=expected, found=type(error).__name__) from error


def _png(pixels: NDArray[Any]) -> bytes:
    from PIL import Image

    made = io.BytesIO()
    Image.fromarray(pixels).save(made, "PNG")
    return made.getvalue()


def write(inputs: Damaged, path: Path) -> None:
    """Write the zip that `read` takes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, pixels in (("picture.png", inputs.pixels), ("mask.png", np.uint8(255) * inputs.mask)):
            archive.writestr(zipfile.ZipInfo(name), _png(pixels))


def rehearsal(inputs: Damaged) -> tuple[float, float]:
    """Return PSNR in dB and SSIM of filling intact pixels, under the same damage moved by half the picture.

    It says what to expect of this very picture, whose damaged pixels nobody knows; NaN where nothing intact is hit.
    """
    from skimage.metrics import structural_similarity

    moved = np.roll(inputs.mask, [one // 2 for one in inputs.mask.shape], axis=(0, 1)) & ~inputs.mask
    both = moved | inputs.mask
    if not moved.any() or both.mean() > 0.8 or min(moved.shape) < 7:
        return math.nan, math.nan
    hidden = Damaged(np.where(both[..., None], np.uint8(0), inputs.pixels), both)
    filled = np.rint(restore(hidden.pixels, both)).clip(0, 255)
    known = np.where(inputs.mask[..., None], filled, inputs.pixels)  # both alike where nobody knows
    error = float(np.mean((filled - known)[moved] ** 2))
    similar: Array = structural_similarity(  # type: ignore[no-untyped-call]
        known, filled, data_range=255, channel_axis=-1, full=True
    )[1]
    return 10 * math.log10(255**2 / max(error, 1e-5)), float(similar[moved].mean())


def picture(inputs: Damaged, answer: Answer) -> Any:
    """Return the picture before and after, and what was filled; with the PSNR and SSIM of a `rehearsal` on intact pixels."""
    import base64

    import altair as alt
    import pandas as pd

    places, levels = _levels(answer)
    after = inputs.pixels.copy()
    after[places[:, 0], places[:, 1]] = levels
    marked = np.where(inputs.mask[..., None], np.array([214, 39, 40], dtype=np.uint8), inputs.pixels)
    names = ("1 破损 Damaged", "2 待补区域 To be filled", "3 修复 Restored")
    rows = [
        {"stage": name, "url": "data:image/png;base64," + base64.b64encode(_png(one)).decode()}
        for name, one in zip(names, (inputs.pixels, marked, after), strict=True)
    ]
    noise, similar = rehearsal(inputs)
    title = f"修复前后 Before and after: 破损 {inputs.mask.mean():.1%} damaged"
    expect = "无法试补 none could be hidden" if math.isnan(noise) else f"PSNR {noise:.1f} dB, SSIM {similar:.2f}"
    subtitle = f"在完好处试补 Rehearsed on intact pixels: {expect}"
    side = 260
    height = round(side * inputs.mask.shape[0] / inputs.mask.shape[1])
    return (
        alt.Chart(pd.DataFrame(rows))
        .mark_image(width=side, height=height)
        .encode(
            alt.Url("url:N"), x=alt.value(side / 2), y=alt.value(height / 2), column=alt.Column("stage:N", title=None)
        )
        .properties(width=side, height=height, title=alt.Title(title, subtitle=subtitle))
    )


SCENARIO = Scenario(
    id="culture/relic-restoration",
    title=Text("文物影像修复", "Restoration of relics' pictures"),
    summary=Text(
        "根据完好部分补全文物图片上的裂纹与剥落，供修复人员下笔前参考",
        "Fills cracks and flaked places of a relic's picture from what is intact, for a conservator to look at first",
    ),
    task=7,
    system=Text("文化遗产数字化保护", "digital protection of cultural heritage"),
    user=Text("文物保护修复人员", "conservators"),
    decision=Text("破损处可能的原貌，从何处、如何补", "what the damaged places looked like, and how to fill them"),
    formats=(FORMAT,),
    metric=Text("破损像素的峰值信噪比", "PSNR of the damaged pixels"),
    unit="dB",
    better="higher",
    margin=0.2,
    baseline_title=Text("OpenCV 的 Navier-Stokes 修补", "OpenCV's Navier-Stokes inpainting"),
    method_title=Text("双调和初填与分段线性估计", "biharmonic fill and piecewise linear estimation"),
    source="Bertalmio et al. 2001, CVPR; Telea 2004, JGT 9; Yu, Sapiro & Mallat 2012, IEEE TIP 21",
    cases=cases,
    read=read,
    write=write,
    baseline=baseline,
    method=method,
    judge=judge,
    picture=picture,
    suffixes=(".zip",),
    libraries=("cv2", "skimage", "sklearn"),
    resources=Resources(seconds=60, memory_mib=2048),
    sizes=("small", "default", SHIFTED),
)
