"""Restoration: the judge by hand, what the Gaussians know, the rehearsal, bad zips."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dujiang.industries.culture import relic_restoration as relics
from dujiang.industries.culture.relic_restoration import Damaged
from dujiang.messages import BadInput


@pytest.fixture(scope="module")
def case():
    [one] = relics.cases(1000, "small")
    return one


def test_the_judge_by_hand():
    mask = np.zeros((4, 4), dtype=bool)
    mask[1, 2] = mask[3, 0] = True
    truth = {"mask": mask, "levels": np.array([[10, 10, 10], [50, 60, 70]], dtype=np.uint8)}
    rows = relics._answer(Damaged(np.zeros((4, 4, 3), np.uint8), mask), np.full((4, 4, 3), 10.0))
    error = (40**2 + 50**2 + 60**2) / 6
    assert relics.judge(truth, rows) == pytest.approx(10 * np.log10(255**2 / error))
    assert relics.judge({**truth, "levels": np.full((2, 3), 10, np.uint8)}, rows) == 99
    for bad in (rows[:1], rows[::-1], [*rows, rows[0]]):
        with pytest.raises(ValueError, match="each damaged pixel once"):
            relics.judge(truth, bad)
    with pytest.raises(ValueError, match="0-255"):
        relics.judge(truth, [rows[0], {**rows[1], "red": 256}])


@pytest.mark.parametrize("size", ["small", "shifted"])
def test_nothing_of_what_lay_underneath_is_in_the_inputs(size):
    for one in relics.cases(1001, size):
        lost = one.inputs.pixels[one.inputs.mask]
        assert len(np.unique(lost)) == 1
        assert 0.02 < one.inputs.mask.mean() < 0.3
        assert len(np.unique(one.truth["levels"])) > 1


def test_what_is_intact_stays_as_it_is_and_damage_is_not_looked_at(case):
    filled = relics.restore(case.inputs.pixels, case.inputs.mask)
    assert np.array_equal(filled[~case.inputs.mask], case.inputs.pixels[~case.inputs.mask])
    noise = np.random.default_rng(0).integers(0, 256, case.inputs.pixels.shape, dtype=np.uint8)
    other = np.where(case.inputs.mask[..., None], noise, case.inputs.pixels)
    assert np.array_equal(relics.restore(other, case.inputs.mask), filled)


def test_a_grey_picture_stays_grey_and_a_plain_one_plain(case):
    grey = np.repeat(case.inputs.pixels[..., :1], 3, axis=2)
    filled = relics.restore(grey, case.inputs.mask)
    assert np.allclose(filled[..., 0], filled[..., 1])
    assert np.allclose(filled[..., 0], filled[..., 2])
    plain = np.full_like(grey, 120)
    plain[case.inputs.mask] = 0
    assert np.allclose(relics.restore(plain, case.inputs.mask), 120, atol=0.5)


def test_stripes_go_on_across_a_crack_better_than_the_baseline_draws_them():
    rows, columns = np.mgrid[:96, :96]
    whole = np.repeat((128 + 80 * np.sin((rows + columns) * 0.7))[..., None], 3, axis=2).round().astype(np.uint8)
    mask = np.zeros((96, 96), dtype=bool)
    mask[40:45, 10:86] = True
    inputs = Damaged(np.where(mask[..., None], np.uint8(0), whole), mask)
    truth = {"mask": mask, "levels": whole[mask]}
    assert relics.judge(truth, relics.method(inputs)) > relics.judge(truth, relics.baseline(inputs)) + 6


def test_the_conditional_mean_is_that_of_one_gaussian_by_hand(monkeypatch):
    # Two pixels of variance 100 and covariance 80; the first is seen at 10 without noise, the second not at all.
    groups = [(1.0, np.zeros(2), np.array([[100.0, 80.0], [80.0, 100.0]]))]
    mean, variance = relics._conditional(np.array([[10.0, 0.0]]), np.array([[1e-6, 1e9]]), groups)
    assert mean[0] == pytest.approx([10, 8], abs=1e-3)
    assert variance[0, 1] == pytest.approx(100 - 80**2 / 100, rel=1e-3)


def test_the_rehearsal_says_what_the_judge_would_of_moved_damage(case):
    noise, similar = relics.rehearsal(case.inputs)
    assert 10 < noise < 60
    assert 0 < similar < 1
    plain = Damaged(np.full_like(case.inputs.pixels, 90), case.inputs.mask)
    assert relics.rehearsal(plain)[1] == pytest.approx(1, abs=1e-3)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(8, 20), st.integers(8, 20))
def test_any_small_picture_is_filled_with_levels(seed, height, width):
    draw = np.random.default_rng(seed)
    pixels = draw.integers(0, 256, (height, width, 3), dtype=np.uint8)
    mask = draw.random((height, width)) < 0.3
    mask[0, 0], mask[-1, -1] = True, False
    inputs = Damaged(pixels, mask)
    answer = relics.method(inputs)
    assert len(answer) == mask.sum()
    assert all(0 <= one[colour] <= 255 for one in answer for colour in ("red", "green", "blue"))


def _png(pixels, form="PNG"):
    made = io.BytesIO()
    Image.fromarray(pixels).save(made, form)
    return made.getvalue()


GREY = np.full((16, 20), 128, np.uint8)
SPOT = np.zeros((16, 20), np.uint8)
SPOT[4:8, 4:8] = 255


def _zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("files", "field", "found"),
    [
        ({"a.png": _png(GREY)}, "mask.png", "a.png"),
        ({"mask.png": _png(SPOT)}, "picture", "0"),
        ({"a.png": _png(GREY), "b.tif": _png(GREY), "mask.png": _png(SPOT)}, "picture", "a.png, b.tif"),
        ({"a.png": b"nonsense", "mask.png": _png(SPOT)}, "a.png", "UnidentifiedImageError"),
        ({"a.png": _png(GREY)[:-30], "mask.png": _png(SPOT)}, "a.png", None),
        ({"a.png": _png(GREY, "JPEG"), "mask.png": _png(SPOT)}, "a.png", "UnidentifiedImageError"),
        ({"a.png": _png(GREY.astype(np.uint16)), "mask.png": _png(SPOT)}, "a.png", "I;16"),
        ({"a.png": _png(GREY), "mask.png": _png(SPOT[:-1])}, "mask.png", "20 x 15"),
        ({"a.png": _png(GREY), "mask.png": _png(SPOT // 2)}, "mask.png", "127"),
        ({"a.png": _png(GREY), "mask.png": _png(SPOT * 0)}, "mask.png", "0%"),
        ({"a.png": _png(GREY), "mask.png": _png(255 - SPOT)}, "mask.png", "95%"),
        ({"a.png": _png(GREY[:2, :2]), "mask.png": _png(SPOT[:2, :2])}, "a.png", "2 x 2"),
    ],
)
def test_a_bad_zip_is_named_with_its_part(tmp_path, files, field, found):
    with pytest.raises(BadInput) as caught:
        relics.read(_zip(tmp_path / "relic.zip", files))
    assert caught.value.field == field
    assert found is None or caught.value.found == found


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_a_grey_or_coloured_picture_with_a_mask_is_read(tmp_path, form):
    colour = np.random.default_rng(0).integers(0, 256, (16, 20, 3), dtype=np.uint8)
    for pixels in (GREY, colour):
        name = {"PNG": "relic.png", "TIFF": "relic.TIF"}[form]
        inputs = relics.read(_zip(tmp_path / "relic.zip", {name: _png(pixels, form), "mask.png": _png(SPOT)}))
        assert np.array_equal(inputs.mask, SPOT == 255)
        assert np.array_equal(inputs.pixels, pixels if pixels.ndim == 3 else np.stack([GREY] * 3, axis=2))
