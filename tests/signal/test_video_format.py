"""vPDQ's text: what is written is read back, and what is not it is refused by line number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amparo.core.errors import InvalidInput
from amparo.signal import video_format
from amparo.signal.fingerprint import Pdq
from amparo.signal.video_format import VideoFrame, from_text, to_text

fingerprints = st.builds(Pdq, st.binary(min_size=32, max_size=32), st.integers(0, 100))
frames = st.builds(VideoFrame, st.integers(0, 10**9 - 1), fingerprints, st.floats(0, 99_999_999))


@given(st.lists(frames, max_size=8))
def test_frames_come_back_from_their_text(sequence: list[VideoFrame]) -> None:
    assert from_text(to_text(sequence)) == tuple(sequence)


def test_the_text_is_spelled_as_the_reference_spells_it() -> None:
    line = "29,89," + "face" * 16 + ",989.933\n"
    frame = VideoFrame(29, Pdq.from_hex("face" * 16, 89), 989.93312)
    assert to_text([frame]) == line
    assert from_text(line) == (frame,)


def test_other_line_ends_and_empty_lines_are_read() -> None:
    line = "0,100," + "0f" * 32 + ",0.000"
    assert len(from_text(f"{line}\r\n\r\n{line}\n\n{line}")) == 3
    assert from_text("") == ()


@pytest.mark.parametrize(
    "line",
    [
        "0,100," + "0f" * 32,
        "0,100," + "0F" * 32 + ",0.000",
        "0,101," + "0f" * 32 + ",0.000",
        "-1,100," + "0f" * 32 + ",0.000",
        "0,100," + "0f" * 31 + ",0.000",
        "0,100," + "0f" * 32 + ",nan",
        "0,100," + "0f" * 32 + ",100000000.000",
        "0,100," + "0f" * 32 + ",99999999.001",
        "0,100," + "0f" * 32 + ",-1.0",
        "0,100," + "0f" * 32 + ",0.000,more",
        " 0,100," + "0f" * 32 + ",0.000",
        "\u0661,100," + "0f" * 32 + ",0.000",
    ],
)
def test_a_line_that_is_not_one_is_refused_with_its_number(line: str) -> None:
    good = "0,100," + "0f" * 32 + ",0.000\n"
    with pytest.raises(InvalidInput, match="Line 3 ") as caught:
        from_text(good * 2 + line)
    assert caught.value.code == "video_text_invalid"


@given(st.text(alphabet=st.sampled_from("0123456789abcdef,.\n\r -x"), max_size=200))
def test_any_text_gives_frames_or_an_error_of_ours(text: str) -> None:
    try:
        assert all(0 <= frame.fingerprint.quality <= 100 for frame in from_text(text))
    except InvalidInput as error:
        assert error.code == "video_text_invalid"  # noqa: PT017  # either outcome is right


def test_too_many_lines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_format, "MAX_TEXT_FRAMES", 2)
    line = "0,100," + "0f" * 32 + ",0.000\n"
    assert len(from_text(line * 2)) == 2
    with pytest.raises(InvalidInput) as caught:
        from_text(line * 3)
    assert caught.value.code == "video_text_invalid"


@pytest.mark.parametrize(
    ("number", "seconds"), [(-1, 0.0), (10**9, 0.0), (0, -0.1), (0, float("nan")), (0, 99_999_999.1)]
)
def test_a_frame_out_of_range_is_refused(number: int, seconds: float) -> None:
    with pytest.raises(InvalidInput) as caught:
        VideoFrame(number, Pdq(bytes(32), 0), seconds)
    assert caught.value.code == "video_frame_invalid"
