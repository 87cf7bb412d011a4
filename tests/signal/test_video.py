"""Videos: which frames are kept, that copies match, that every bound holds and every fault is named."""

from __future__ import annotations

import hashlib
import os
import random
import struct
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from amparo.core.errors import InvalidInput, NotFound
from amparo.signal import pdq, video
from amparo.signal.limits import VideoLimits
from amparo.signal.video_match import matches, shares
from tests.signal.pictures import stored
from tests.signal.videos import scenes, write_sound, write_video

SECONDS = float(os.environ.get("AMPARO_FUZZ_SECONDS", "0"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenes of 2.5 seconds each at ten frames a second, in several containers and codecs."""
    place = tmp_path_factory.mktemp("videos")
    frames = scenes((1, 2), 25)
    write_video(place / "plain.avi", frames)
    write_video(place / "plain.mkv", frames, "libx264", crf=20)
    write_video(place / "plain.webm", frames, "libvpx", crf=10)
    write_video(place / "plain.mp4", frames, "libx264", options={"movflags": "faststart"}, crf=20)
    write_video(place / "plain.mov", frames)
    write_video(place / "plain.ts", frames, "mpeg2video")
    write_video(place / "plain.mpg", frames, "mpeg2video")
    write_sound(place / "sound.m4a")
    return place


def code_of(path: Path, limits: VideoLimits = video.VIDEO_DEFAULT) -> str:
    with pytest.raises(InvalidInput) as caught:
        video.fingerprint(path, limits)
    return caught.value.code


def test_a_frame_a_second_and_the_first_of_a_new_scene_are_kept(folder: Path) -> None:
    found = video.fingerprint(folder / "plain.mp4")
    assert [frame.seconds for frame in found.frames] == [0.0, 1.0, 2.0, 2.5, 3.0, 4.0]
    assert [frame.number for frame in found.frames] == [0, 10, 20, 25, 30, 40]
    assert found.seconds == pytest.approx(5.0)
    assert found.damaged == 0
    assert found.md5 == hashlib.md5((folder / "plain.mp4").read_bytes()).hexdigest()


def test_the_interval_can_be_chosen(folder: Path) -> None:
    found = video.fingerprint(folder / "plain.mp4", interval=0.5)
    assert [frame.seconds for frame in found.frames] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5]
    assert len(video.fingerprint(folder / "plain.mp4", interval=60).frames) == 1
    for interval in (0, -1, float("nan"), 1e9):
        with pytest.raises(InvalidInput) as caught:
            video.fingerprint(folder / "plain.mp4", interval=interval)
        assert caught.value.code == "interval_invalid"


def test_frames_carry_the_fingerprint_of_their_picture(folder: Path) -> None:
    frames = scenes((1, 2), 25)
    for kept in video.fingerprint(folder / "plain.mp4").frames:
        assert kept.fingerprint.distance(pdq.fingerprint(frames[kept.number])) <= 16
        assert kept.fingerprint.quality >= 50


def test_each_frame_comes_with_the_fingerprint_of_its_mirror_image(folder: Path) -> None:
    found = video.fingerprint(folder / "plain.mp4")
    frames = scenes((1, 2), 25)
    assert len(found.mirrored) == len(found.frames)
    for kept, mirrored in zip(found.frames, found.mirrored, strict=True):
        assert mirrored.distance(pdq.fingerprint(np.ascontiguousarray(frames[kept.number][:, ::-1]))) <= 16
        assert mirrored.distance(kept.fingerprint) > 60


@pytest.mark.parametrize("name", ["plain.avi", "plain.mkv", "plain.webm", "plain.mov", "plain.ts", "plain.mpg"])
def test_the_same_video_in_another_container_and_codec_is_a_copy(folder: Path, name: str) -> None:
    original = video.fingerprint(folder / "plain.mp4").frames
    copy = video.fingerprint(folder / name).frames
    found = shares(copy, original)
    assert found.query == 100
    assert found.bank == 100


def test_another_video_is_no_copy_and_a_padded_one_is(folder: Path, tmp_path: Path) -> None:
    banked = video.fingerprint(folder / "plain.mp4").frames
    other = video.fingerprint(write_video(tmp_path / "other.avi", scenes((3, 4), 20))).frames
    assert shares(other, banked).bank == 0
    assert not matches(other, banked)
    padded = video.fingerprint(write_video(tmp_path / "padded.avi", scenes((3, 1, 2, 4), 25))).frames
    assert matches(padded, banked)


def test_time_counts_and_not_the_number_of_frames(tmp_path: Path) -> None:
    """Ten frames in the first second, then one every two seconds."""
    stamps = [*range(10), 20, 40, 60]
    path = write_video(tmp_path / "variable.mkv", scenes((1,), 13), stamps=stamps)
    assert [frame.seconds for frame in video.fingerprint(path).frames] == [0.0, 2.0, 4.0, 6.0]


def test_a_strobing_video_keeps_no_more_than_four_frames_a_second(tmp_path: Path) -> None:
    path = write_video(tmp_path / "strobe.avi", scenes((1, 2, 3, 4, 5) * 6, 1))
    kept = [frame.seconds for frame in video.fingerprint(path).frames]
    assert 6 <= len(kept) <= 13
    assert min(np.diff(kept)) >= 0.0999


def test_a_video_held_sideways_is_turned_upright(folder: Path, tmp_path: Path) -> None:
    """The display matrix of the track header (ISO 14496-12, 8.3.2) set to a quarter turn clockwise, as
    phones do.
    """
    source = bytearray((folder / "plain.mp4").read_bytes())
    at = source.index(b"tkhd") + 4 + 40
    assert struct.unpack(">9i", source[at : at + 36]) == (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    source[at : at + 36] = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    path = tmp_path / "sideways.mp4"
    path.write_bytes(source)
    clockwise = pdq.fingerprint(np.ascontiguousarray(np.rot90(scenes((1,), 1)[0], -1)))
    assert video.fingerprint(path).frames[0].fingerprint.distance(clockwise) <= 16


# -- what is refused
# ---------------------------------------------------------------------------------------------


def test_bounds_are_kept(folder: Path) -> None:
    path = folder / "plain.mkv"
    assert code_of(path, VideoLimits(max_bytes=100)) == "video_too_many_bytes"
    assert code_of(path, VideoLimits(max_pixels=192 * 144 - 1)) == "video_too_large"
    assert code_of(path, VideoLimits(max_duration=3)) == "video_too_long"
    assert code_of(path, VideoLimits(max_frames=5)) == "video_too_long"
    assert code_of(path, VideoLimits(max_decoded=49)) == "video_too_long"
    assert code_of(path, VideoLimits(max_seconds=1e-9)) == "video_timeout"
    exact = VideoLimits(max_pixels=192 * 144, max_duration=5.01, max_frames=6, max_decoded=50)
    assert len(video.fingerprint(path, exact).frames) == 6


def test_a_clock_that_leaps_or_lies_is_too_long_not_endless(tmp_path: Path) -> None:
    leap = write_video(tmp_path / "leap.mkv", scenes((1,), 3), "libx264", stamps=[0, 1, 10_000_000])
    assert code_of(leap) == "video_too_long"


def test_a_declared_length_beyond_the_bound_is_refused_before_decoding(folder: Path, tmp_path: Path) -> None:
    source = bytearray((folder / "plain.mkv").read_bytes())
    at = source.index(b"\x44\x89\x88") + 3  # Matroska's Duration, eight bytes of floating point, milliseconds
    source[at : at + 8] = struct.pack(">d", 1e9)
    (tmp_path / "long.mkv").write_bytes(source)
    assert code_of(tmp_path / "long.mkv") == "video_too_long"


@pytest.mark.parametrize("name", ["plain.mp4", "plain.mkv", "plain.webm", "plain.mov", "plain.avi"])
def test_a_video_cut_in_the_middle_is_truncated(folder: Path, tmp_path: Path, name: str) -> None:
    source = (folder / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(source[: len(source) // 2])
    assert code_of(path) == "video_truncated"


@pytest.mark.parametrize("name", ["plain.ts", "plain.mpg"])
def test_a_stream_that_declares_no_length_is_as_long_as_what_is_there(folder: Path, tmp_path: Path, name: str) -> None:
    source = (folder / name).read_bytes()
    (tmp_path / name).write_bytes(source[: len(source) // 2])
    cut, whole = video.fingerprint(tmp_path / name), video.fingerprint(folder / name)
    assert 2.0 <= cut.seconds <= 3.0
    assert shares(cut.frames[:-1], whole.frames).query == 100  # the last may be half a picture


def test_what_is_no_video_is_named(folder: Path, tmp_path: Path) -> None:
    for name, content, code in (
        ("empty", b"", "video_empty"),
        ("words", b"not a video at all\n" * 100, "video_unreadable"),
        ("zeros", bytes(100_000), "video_unreadable"),
        ("picture", stored(Image.fromarray(scenes((1,), 1)[0]), "PNG"), "video_unreadable"),
        ("head", (folder / "plain.mp4").read_bytes()[:100], "video_truncated"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        assert code_of(path) == code, name
    assert code_of(folder / "sound.m4a") == "video_without_pictures"


def test_a_video_of_no_frames_is_named(tmp_path: Path) -> None:
    path = write_video(tmp_path / "none.mkv", [])
    assert code_of(path) in ("video_without_pictures", "video_unreadable")


def test_no_playlist_or_reference_is_followed(folder: Path, tmp_path: Path) -> None:
    """A playlist may name any file or address; opening it would read what the sender may not."""
    target = (folder / "plain.ts").as_posix()
    playlists = {
        "list.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{target}\n#EXT-X-ENDLIST\n",
        "list.ffconcat": f"ffconcat version 1.0\nfile '{target}'\n",
        "list.mpd": f"<?xml version='1.0'?><MPD><Period><BaseURL>{target}</BaseURL></Period></MPD>",
    }
    for name, text in playlists.items():
        path = tmp_path / name
        path.write_text(text)
        assert code_of(path) == "video_unreadable"


def test_containers_and_codecs_outside_the_lists_are_not_read(tmp_path: Path) -> None:
    frames = scenes((1,), 3)
    assert code_of(write_video(tmp_path / "raw.y4m", frames, "wrapped_avframe")) == "video_unreadable"
    assert code_of(write_video(tmp_path / "codec.mkv", frames, "ffv1")) == "video_unsupported"


def test_a_damaged_packet_is_passed_over_and_counted(folder: Path, tmp_path: Path) -> None:
    """As players do: a copy with a scratch in it is still a copy."""
    source = bytearray((folder / "plain.avi").read_bytes())
    start = 0
    for _ in range(20):
        start = source.index(b"00dc", start + 8)
    source[start + 8 : start + 40] = bytes(32)  # the beginning of one frame's packet
    (tmp_path / "scratched.avi").write_bytes(source)
    found = video.fingerprint(tmp_path / "scratched.avi")
    assert found.damaged == 1
    assert matches(video.fingerprint(folder / "plain.mp4").frames, found.frames)


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero"), Path("a\0b")):
        assert code_of(path) == "file_unreadable"
    with pytest.raises(NotFound) as caught:
        video.fingerprint(tmp_path / "nothing.mp4")
    assert caught.value.code == "file_missing"


@pytest.mark.parametrize("name", list(VideoLimits.__dataclass_fields__))
def test_limits_must_be_above_zero(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        VideoLimits(**{name: 0})
    assert caught.value.code == "limits_invalid"


BENT = ("plain.mp4", "plain.mkv", "plain.avi", "plain.ts", "plain.mpg", "plain.webm")


@pytest.mark.parametrize("name", BENT)
def test_bent_videos_end_in_frames_or_in_an_error_of_ours(folder: Path, tmp_path: Path, name: str) -> None:
    """Quick here; ``AMPARO_FUZZ_SECONDS=600`` for the long run, in equal parts (``AMPARO_FUZZ_SEED`` for another one)."""
    source = (folder / name).read_bytes()
    rng = random.Random(name + os.environ.get("AMPARO_FUZZ_SEED", ""))
    limits = VideoLimits(max_duration=60, max_decoded=500, max_pixels=1_000_000, max_seconds=20)
    path = tmp_path / name
    seen: Counter[str] = Counter()
    end = time.monotonic() + SECONDS / len(BENT)
    while seen.total() < 12 or time.monotonic() < end:
        bent = bytearray(source)
        for _ in range(rng.choice((1, 2, 8, 64))):
            at = rng.randrange(len(bent) if rng.random() < 0.5 else min(len(bent), 2_000))
            bent[at] = rng.choice((0, 0xFF, 0x7F, rng.randrange(256)))
        if rng.random() < 0.2:
            del bent[rng.randrange(len(bent)) :]
        path.write_bytes(bent)
        try:
            found = video.fingerprint(path, limits)
        except InvalidInput as error:
            seen[error.code] += 1
        else:
            assert found.frames
            seen["fingerprinted"] += 1
    assert all(code == "fingerprinted" or code.startswith("video_") for code in seen)
    if SECONDS:
        print(f"\n{name}: {seen.total()} files, {dict(seen)}")
