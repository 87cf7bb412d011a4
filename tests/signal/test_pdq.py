"""PDQ against its golden vectors, the reference, and the fallback without compiled kernels."""

from __future__ import annotations

import base64
import io
import json
import math
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from amparo.core.errors import AmparoError, InvalidInput
from amparo.core.kernels import compiles
from amparo.signal import pdq, pdq_transform
from amparo.signal.decode import LumaPlane
from amparo.signal.limits import Limits
from amparo.signal.pdq_plane import compiled_block, numpy_block
from amparo.signal.pdq_taps import UNIT, axis_taps
from tests.pictures import photo_like

VECTORS = Path(__file__).parents[2] / "spec" / "vectors" / "pdq"


def load(name: str, key: str) -> list[dict[str, Any]]:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))[key]


PICTURES = load("pictures.json", "vectors")
AXES = load("taps.json", "axes")


def pixels_of(vector: dict[str, Any]) -> NDArray[np.uint8]:
    raw = zlib.decompress(base64.b64decode(vector["pixels"]))
    shape = (vector["height"], vector["width"], 3)[: 3 if vector["channels"] == 3 else 2]
    return np.frombuffer(raw, dtype=np.uint8).reshape(shape)


class TestGoldenVectors:
    @pytest.mark.parametrize("vector", PICTURES, ids=[v["name"] for v in PICTURES])
    def test_pictures(self, vector: dict[str, Any]) -> None:
        pixels = pixels_of(vector)
        found = pdq.fingerprint(pixels)
        assert (found.hex, found.quality) == (vector["value"], vector["quality"])
        turned = pdq.dihedral(pixels)
        assert [one.hex for one in turned] == vector["dihedral"]
        assert {one.quality for one in turned} == {vector["quality"]}

    @pytest.mark.parametrize("axis", AXES, ids=[f"{a['length']}/{a['scale']}/{a['lead']}" for a in AXES])
    def test_taps(self, axis: dict[str, Any]) -> None:
        taps = axis_taps(axis["length"], axis["scale"], axis["lead"])
        assert taps.starts.tolist() == axis["starts"]
        assert np.diff(taps.offsets).tolist() == axis["counts"]
        assert taps.weights[: taps.offsets[1]].tolist() == axis["first"]
        assert taps.weights[taps.offsets[-2] :].tolist() == axis["last"]
        assert zlib.crc32(taps.weights.astype("<i4").tobytes()) == axis["crc32"]

    def test_cosines(self) -> None:
        (table,) = load("cosines.json", "tables")
        assert list(pdq_transform.COSINES) == table["cosines"]
        scale = 2 ** table["scale_bits"] * math.sqrt(2 / 64)
        assert table["cosines"] == [round(scale * math.cos(m * math.pi / 128)) for m in range(65)]

    def test_fallback_without_compiled_kernels_gives_the_same_bits(self) -> None:
        script = (
            "import sys; sys.path.insert(0, sys.argv[1]); from tests.signal import test_pdq as t\n"
            "from amparo.signal import pdq; from amparo.core.kernels import compiles; assert not compiles()\n"
            "for v in t.PICTURES:\n"
            "    assert [p.hex for p in pdq.dihedral(t.pixels_of(v))] == v['dihedral'], v['name']\n"
            "    assert pdq.fingerprint(t.pixels_of(v)).quality == v['quality'], v['name']\n"
            "suite = t.TestGoldenVectors()\n"
            "for a in t.AXES: suite.test_taps(a)\n"
        )
        environment = {**os.environ, "AMPARO_JIT": "0"}
        subprocess.run(
            [sys.executable, "-c", script, str(VECTORS.parents[2])],
            env=environment,
            check=True,
            timeout=120,
        )


@pytest.mark.skipif(not compiles(), reason="there is nothing compiled to compare with")
class TestFallback:
    @settings(max_examples=80, deadline=None)
    @given(height=st.integers(5, 700), width=st.integers(5, 700), colour=st.booleans(), seed=st.integers(0, 2**32))
    def test_numpy_and_compiled_kernels_agree(self, height: int, width: int, colour: bool, seed: int) -> None:
        random = np.random.default_rng(seed)
        # Bytes at the ends of the range reach the largest sums.
        plane = random.choice(np.array([0, 1, 77, 254, 255], np.uint8), (height, width * (3 if colour else 1)))
        taps = axis_taps(height), axis_taps(width)
        assert (compiled_block(plane, colour, *taps) == numpy_block(plane, colour, *taps)).all()


class TestTaps:
    @settings(max_examples=150, deadline=None)
    @given(length=st.integers(1, 9000), scale=st.sampled_from([1, 1, 2, 4, 8]), turned=st.booleans())
    def test_each_run_adds_up_and_stays_inside(self, length: int, scale: int, turned: bool) -> None:
        taps = axis_taps(length, scale, -length % scale if turned else 0)
        assert np.add.reduceat(taps.weights, taps.offsets[:-1]).tolist() == [UNIT] * 64
        assert taps.weights.min() >= 0
        assert taps.starts.min() >= 0
        assert (taps.starts + np.diff(taps.offsets)).max() <= -(-length // scale)


class TestReference:
    """Needs the reference's Python binding, which exists for Python 3.11 only."""

    pytestmark = pytest.mark.skipif(sys.version_info >= (3, 12), reason="pdqhash has no wheel for Python 3.12")

    @staticmethod
    def reference(pixels: NDArray[np.uint8]) -> tuple[list[bytes], int]:
        import pdqhash

        turned, quality = pdqhash.compute_dihedral(np.ascontiguousarray(pixels))
        return [np.packbits(one.astype(np.uint8)).tobytes() for one in turned], quality

    @pytest.mark.parametrize(
        ("height", "width"), [(480, 640), (641, 427), (333, 1001), (64, 64), (129, 1024), (1500, 2250)]
    )
    def test_photo_like_pictures(self, height: int, width: int) -> None:
        for seed in range(3):
            pixels = photo_like(height, width, seed)
            values, quality = self.reference(pixels)
            found = pdq.dihedral(pixels)
            assert max(ours.distance(pdq.Pdq(theirs, 0)) for ours, theirs in zip(found, values, strict=True)) <= 2
            assert found[0].quality == quality

    @pytest.mark.parametrize("vector", PICTURES, ids=[v["name"] for v in PICTURES])
    def test_golden_vectors_are_the_reference_s(self, vector: dict[str, Any]) -> None:
        pixels = pixels_of(vector)
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[:, :, None], 3, axis=2)
        values, quality = self.reference(pixels)
        assert abs(quality - vector["quality"]) <= 1
        if vector["quality"] >= 50 and not vector["name"].startswith("halves"):
            # Exact ties (a picture of two halves has them by the dozen) are noise in the reference.
            assert pdq.Pdq.from_hex(vector["value"], 0).distance(pdq.Pdq(values[0], 0)) <= 2


class TestScaledPlanes:
    @pytest.mark.parametrize("scale", [2, 4, 8])
    @pytest.mark.parametrize(("height", "width"), [(2400, 3200), (2049, 3001)])
    def test_mean_of_blocks_is_close_to_the_full_picture(self, height: int, width: int, scale: int) -> None:
        full = photo_like(height, width, 5)[:, :, 1]
        padded = np.pad(full, ((0, -height % scale), (0, -width % scale)), mode="edge").astype(np.float32)
        rows, columns = padded.shape[0] // scale, padded.shape[1] // scale
        small = np.rint(padded.reshape(rows, scale, columns, scale).mean(axis=(1, 3))).astype(np.uint8)
        value = pdq.fingerprint(LumaPlane(small, width, height, scale))
        exact = pdq.fingerprint(full)
        assert value.distance(exact) <= 4
        assert abs(value.quality - exact.quality) <= 1

    def test_lead_says_where_the_incomplete_sample_is(self) -> None:
        full = photo_like(2001, 2003, 6)[:, :, 1]
        padded = np.pad(full, ((7, 0), (5, 0)), mode="edge").astype(np.float32)
        small = np.rint(padded.reshape(251, 8, 251, 8).mean(axis=(1, 3))).astype(np.uint8)
        exact = pdq.fingerprint(full)
        with_lead = pdq.fingerprint(LumaPlane(small, 2003, 2001, 8, lead_x=5, lead_y=7))
        without = pdq.fingerprint(LumaPlane(small, 2003, 2001, 8))
        assert with_lead.distance(exact) <= 4
        assert without.distance(exact) > with_lead.distance(exact)


class TestFiles:
    def test_bytes_and_path_are_the_decoded_pixels(self, tmp_path: Path) -> None:
        pixels = photo_like(240, 320, 1)[:, :, 0]
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        path = tmp_path / "a.png"
        path.write_bytes(stream.getvalue())
        assert pdq.fingerprint(path) == pdq.fingerprint(stream.getvalue()) == pdq.fingerprint(pixels)

    def test_a_path_that_cannot_be_read_is_said_to_be_so(self, tmp_path: Path) -> None:
        for path, code in ((tmp_path / "absent.jpg", "file_missing"), (tmp_path, "file_unreadable")):
            with pytest.raises(AmparoError) as refused:
                pdq.fingerprint(path)
            assert refused.value.code == code

    def test_a_file_over_the_limit_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "long.jpg"
        path.write_bytes(b"\xff\xd8\xff" + bytes(2000))
        with pytest.raises(InvalidInput) as refused:
            pdq.fingerprint(path, Limits(max_bytes=1000))
        assert refused.value.code == "picture_too_many_bytes"


class TestShapes:
    @settings(max_examples=60, deadline=None)
    @given(
        height=st.integers(1, 300),
        width=st.integers(1, 300),
        colour=st.booleans(),
        seed=st.integers(0, 2**32),
    )
    def test_every_size_has_a_fingerprint(self, height: int, width: int, colour: bool, seed: int) -> None:
        shape = (height, width, 3) if colour else (height, width)
        pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
        found = pdq.fingerprint(pixels)
        assert pdq.dihedral(pixels)[0] == found
        if min(height, width) < 5:
            assert found == pdq.Pdq(bytes(32), 0)
        assert int.from_bytes(found.value).bit_count() <= 128

    @settings(max_examples=40, deadline=None)
    @given(height=st.integers(5, 200), width=st.integers(5, 200), seed=st.integers(0, 2**32))
    def test_grey_as_three_equal_channels_is_the_same(self, height: int, width: int, seed: int) -> None:
        grey = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
        assert pdq.fingerprint(np.repeat(grey[:, :, None], 3, axis=2)) == pdq.fingerprint(grey)

    @pytest.mark.parametrize("shape", [(1, 1), (1, 20_000), (20_000, 1), (4, 20_000), (20_000, 4)])
    def test_slivers_have_no_quality(self, shape: tuple[int, int]) -> None:
        pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        assert pdq.fingerprint(pixels) == pdq.Pdq(bytes(32), 0)
        assert pdq.dihedral(pixels) == pdq.turned(pixels) == (pdq.Pdq(bytes(32), 0),) * 8

    @pytest.mark.parametrize("grey", [0, 1, 128, 255])
    def test_flat_pictures_have_no_quality(self, grey: int) -> None:
        assert pdq.fingerprint(np.full((333, 500), grey, dtype=np.uint8)).quality == 0

    def test_views_hash_as_their_copies(self) -> None:
        pixels = photo_like(300, 400, 9)
        for view in (pixels[::-1, ::2], pixels[:, :, ::-1], pixels.transpose(1, 0, 2), pixels[..., 0]):
            assert pdq.fingerprint(view) == pdq.fingerprint(view.copy())
        pixels = pixels.copy()
        pixels.flags.writeable = False
        assert pdq.fingerprint(pixels) == pdq.fingerprint(pixels.copy())

    @pytest.mark.parametrize(
        "pixels",
        [
            np.zeros((10, 10), dtype=np.float32),
            np.zeros((10, 10, 4), dtype=np.uint8),
            np.zeros((10,), dtype=np.uint8),
            np.zeros((0, 10), dtype=np.uint8),
            np.zeros((10, 0, 3), dtype=np.uint8),
            np.zeros((2, 10, 10, 3), dtype=np.uint8),
        ],
        ids=["float", "four channels", "a line", "no rows", "no columns", "a batch"],
    )
    def test_other_arrays_are_refused(self, pixels: NDArray[Any]) -> None:
        with pytest.raises(InvalidInput) as refused:
            pdq.fingerprint(pixels)
        assert refused.value.code == "pixels_invalid"


def eight_turns(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    half = np.rot90(pixels, 2)
    flips = (pixels[::-1], pixels[:, ::-1], pixels.swapaxes(0, 1), half.swapaxes(0, 1))
    return pixels, np.rot90(pixels), half, np.rot90(pixels, 3), *flips


class TestTurns:
    @pytest.mark.parametrize(("height", "width"), [(321, 481), (480, 640), (64, 64), (7, 90), (1000, 641)])
    def test_turned_fingerprints_are_those_of_the_turned_picture(self, height: int, width: int) -> None:
        for pixels in (photo_like(height, width, 2), photo_like(height, width, 2)[..., 1]):
            assert pdq.turned(pixels) == tuple(pdq.fingerprint(one) for one in eight_turns(pixels))

    @settings(max_examples=60, deadline=None)
    @given(
        height=st.integers(5, 120),
        width=st.integers(5, 120),
        scale=st.sampled_from([1, 2, 4, 8]),
        spare=st.tuples(st.integers(0, 7), st.integers(0, 7)),
        split=st.tuples(st.booleans(), st.booleans()),
        seed=st.integers(0, 2**32),
    )
    def test_turned_scaled_planes_too(
        self,
        height: int,
        width: int,
        scale: int,
        spare: tuple[int, int],
        split: tuple[bool, bool],
        seed: int,
    ) -> None:
        pixels = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
        spare_y, spare_x = (min(one, scale - 1) for one in spare)
        full_height, full_width = height * scale - spare_y, width * scale - spare_x
        if min(full_height, full_width) < 5:
            return
        lead_y, lead_x = spare_y * split[0], spare_x * split[1]
        plane = LumaPlane(pixels, full_width, full_height, scale, lead_x, lead_y)
        flipped = LumaPlane(pixels[::-1].copy(), full_width, full_height, scale, lead_x, spare_y - lead_y)
        exchanged = LumaPlane(pixels.T.copy(), full_height, full_width, scale, lead_y, lead_x)
        turned = pdq.turned(plane)
        assert turned[0] == pdq.fingerprint(plane)
        assert turned[4] == pdq.fingerprint(flipped)
        assert turned[6] == pdq.fingerprint(exchanged)

    def test_the_reference_s_are_near_where_its_filter_is_symmetric(self) -> None:
        """Odd block and odd box: centre and box lean to no side, so that only rounding is left."""
        pixels = photo_like(64 * 5, 64 * 9, 3)
        for ours, picture in zip(pdq.dihedral(pixels), eight_turns(pixels), strict=True):
            assert ours.distance(pdq.fingerprint(picture)) <= 2
