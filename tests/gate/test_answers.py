from __future__ import annotations

import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from amparo.bank import Policy
from amparo.cli.matching import shown_with_progress
from amparo.gate import Gate
from amparo.gate.checker import FEED_BANK, FEED_CONTENT
from amparo.gate.dry_run import Tally
from amparo.gate.replay import replay
from amparo.gate.runtime import GateRuntime
from amparo.gate.server import create_app
from amparo.signal import pdq
from tests.gate.feeding import AppClient, Feed, client_for, jpeg, key_for, new_gate
from tests.gate.listening import serving
from tests.signal.videos import scenes, write_video

ONE = pdq.fingerprint(jpeg(1))


def problem(client: AppClient, status: int, method: str, path: str, **sent: Any) -> str:
    response = client.request(method, path, **sent)
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.json()["code"]


def test_a_copy_is_blocked_with_where_the_match_comes_from(client: AppClient, gate: GateRuntime, feed: Feed) -> None:
    [entry] = feed.add(ONE)
    answer = client.post("/v1/check?place=profile", content=jpeg(1, 300)).json()
    [match] = answer["matches"]
    assert answer["verdict"] == "block"
    assert match["distance"] <= 31
    del match["distance"]
    assert match == {
        "bank": FEED_BANK,
        "content": FEED_CONTENT + 1,
        "entry": entry,
        "hub": gate.card.verify_key.hub_id,
        "since": "2026-01-01T00:00:00.000000Z",
    }
    [told] = gate.replica.untold_sightings(10)
    assert (told.entry, told.place, told.action.value) == (entry, "profile", "block")
    assert client.post("/v1/check", content=jpeg(2)).json()["verdict"] == "allow"


@pytest.mark.parametrize("turn", list(Image.Transpose), ids=lambda turn: turn.name)
def test_a_copy_is_blocked_however_it_was_turned_or_mirrored(
    turn: Image.Transpose, client: AppClient, gate: GateRuntime, feed: Feed
) -> None:
    [entry] = feed.add(ONE)
    file = io.BytesIO()
    Image.open(io.BytesIO(jpeg(1, 300))).transpose(turn).save(file, "JPEG", quality=80)
    answer = client.post("/v1/check", content=file.getvalue()).json()
    assert answer["verdict"] == "block"
    assert [match["entry"] for match in answer["matches"]] == [entry]
    assert [told.entry for told in gate.replica.untold_sightings(10)] == [entry]


def test_a_match_in_several_turns_counts_once_by_the_nearest(client: AppClient, feed: Feed) -> None:
    """A picture that is its own mirror image is near its entry both ways."""
    half = np.asarray(Image.open(io.BytesIO(jpeg(1))).convert("L"))[:, :128]
    file = io.BytesIO()
    Image.fromarray(np.concatenate((half, half[:, ::-1]), axis=1)).save(file, "PNG")
    feed.add(pdq.fingerprint(file.getvalue()))
    [match] = client.post("/v1/check", content=file.getvalue()).json()["matches"]
    assert match["distance"] == 0


def test_what_the_platform_banked_itself_blocks_and_is_told_to_nobody(client: AppClient, gate: GateRuntime) -> None:
    gate.local.create_bank("OWN")
    gate.local.add_content("OWN", {"pdq": ONE.hex})
    answer = client.post("/v1/check", content=jpeg(1)).json()
    assert answer["verdict"] == "block"
    assert (answer["matches"][0]["entry"], answer["matches"][0]["hub"]) == (None, None)
    assert gate.replica.count_untold() == 0


def test_many_fingerprints_are_looked_up_in_order_and_not_reported(
    client: AppClient, gate: GateRuntime, feed: Feed
) -> None:
    feed.add(ONE)
    rows = np.random.default_rng(5).integers(0, 256, (64, 32), dtype=np.uint8)
    asked = [{"value": row.tobytes().hex(), "quality": 90} for row in rows]
    asked[40] = {"value": ONE.hex}
    asked[41] = {"value": ONE.hex, "quality": 10}
    results = client.post("/v1/lookup", json={"fingerprints": asked}).json()["results"]
    assert [place for place, one in enumerate(results) if one["verdict"] == "block"] == [40]
    assert results[0] == {"verdict": "allow", "quality": 90, "matches": []}
    assert gate.replica.count_untold() == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"fingerprints": []}', b'{"fingerprints": 7}', b'{"fingerprints": [7]}',
     b'{"fingerprints": [{}]}', b'{"fingerprints": [{"value": "ab"}]}',
     b'{"fingerprints": [{"value": "' + b"A" * 64 + b'"}]}',
     b'{"fingerprints": [{"value": "' + b"a" * 64 + b'", "quality": true}]}',
     b'{"fingerprints": [{"value": "' + b"a" * 64 + b'", "quality": 101}]}', b'{"fingerprints": [{"value": ["a"]}]}',
     b"[" * 5000, b'{"fingerprints": [{"value": "' + b"a" * 63 + b'"}, {"value": "' + b"a" * 65 + b'"}]}',
     b"\xff\xfe", b'{"fingerprints": [' + b'{"value": 1},' * 1001 + b"]}", b"a" * 300_000],
)  # fmt: skip
def test_a_lookup_that_cannot_be_read_is_a_problem(client: AppClient, body: bytes) -> None:
    assert problem(client, 422, "POST", "/v1/lookup", content=body) in (
        "lookup_malformed", "fingerprint_invalid", "body_too_long",
    )  # fmt: skip


def bombs() -> dict[str, bytes]:
    """A PNG that announces 50,000 x 50,000 pixels, a TIFF and a GIF that lie, a text."""
    header = b"\0\0\0\rIHDR" + (50_000).to_bytes(4) * 2 + b"\x08\x00\0\0\0"
    png = b"\x89PNG\r\n\x1a\n" + header + zlib.crc32(header[4:]).to_bytes(4)
    data = zlib.compress(bytes(1000))
    png += len(data).to_bytes(4) + b"IDAT" + data + zlib.crc32(b"IDAT" + data).to_bytes(4)
    gif = io.BytesIO()
    Image.new("L", (10, 10)).save(gif, "GIF")
    lying = bytearray(gif.getvalue())
    lying[6:10] = b"\xff\xff\xff\xff"
    return {"png": png, "gif": bytes(lying), "text": b"hello", "zip": b"PK\x03\x04" + bytes(100), "empty": b""}


@pytest.mark.parametrize("name", list(bombs()))
def test_bombs_and_lies_are_problems(client: AppClient, name: str) -> None:
    assert problem(client, 422, "POST", "/v1/check", content=bombs()[name]).startswith("picture_")
    assert client.post("/m/lookup", files={"photo": bombs()[name]}).status_code in (400, 413)
    assert problem(client, 422, "POST", "/v1/video", content=bombs()[name]).startswith("video_")


def test_a_body_that_is_announced_too_long_is_refused_before_it_is_read(client: AppClient) -> None:
    for path, status in (("/v1/check", 422), ("/v1/video", 422), ("/h/hash", 413), ("/c/banks", 413)):
        kind = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(10**12)}
        response = client.request("POST", path, content=b"x", headers=kind)
        assert response.status_code == status, response.text


def test_a_video_is_judged_by_its_strictest_frame(client: AppClient, gate: GateRuntime, tmp_path: Path) -> None:
    frames = [np.asarray(Image.open(io.BytesIO(jpeg(seed))).convert("RGB")) for seed in (2, 1, 3)]
    path = write_video(tmp_path / "clip.mp4", [picture for picture in frames for _ in range(20)])
    clean = client.post("/v1/video", content=path.read_bytes()).json()
    assert (clean["verdict"], clean["hits"]) == ("allow", [])
    gate.local.create_bank("OWN")
    gate.local.add_content("OWN", {"pdq": ONE.hex})
    answer = client.post("/v1/video", content=path.read_bytes()).json()
    assert answer["verdict"] == "block"
    assert {round(hit["seconds"]) for hit in answer["hits"]} <= {2, 3}
    assert answer["frames"] > len(answer["hits"]) > 0
    assert not list(gate.folder.glob("incoming-*"))


def test_a_review_radius_sends_the_less_near_to_people(tmp_path: Path) -> None:
    gate = new_gate(tmp_path, Policy(block_within=4, review_within=31))
    Feed(gate).add(ONE)
    near = f"{int(ONE.hex, 16) ^ 0xFF:064x}"
    client = client_for(gate, create_app(gate), "match")
    asked = {"fingerprints": [{"value": ONE.hex}, {"value": near}]}
    assert [one["verdict"] for one in client.post("/v1/lookup", json=asked).json()["results"]] == ["block", "review"]
    gate.stop()


def test_a_dry_run_lets_everything_pass_tells_nobody_and_counts(tmp_path: Path) -> None:
    gate = new_gate(tmp_path, dry_run=True)
    Feed(gate).add(ONE)
    client = client_for(gate, create_app(gate), "admin")
    answer = client.post("/v1/check", content=jpeg(1)).json()
    assert (answer["verdict"], answer["would"]) == ("allow", "block")
    assert client.post("/v1/check", content=jpeg(2)).json()["verdict"] == "allow"
    assert client.post("/m/lookup", files={"photo": jpeg(1)}).json() == {"pdq": {}}
    assert gate.replica.count_untold() == 0
    report = client.get("/v1/report").json()
    assert (report["dry_run"], report["uploads"]) == (True, 3)
    assert report["by_action"] == {"allow": 1, "review": 0, "block": 2}
    assert report["by_bank"] == {FEED_BANK: 2}
    assert "would have been blocked" in gate.checker.tally.report().to_text(dry_run=True)
    gate.stop()


def test_a_replay_tells_what_would_have_been_stopped(gate: GateRuntime, feed: Feed, tmp_path: Path) -> None:
    feed.add(ONE)
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    for name, content in {"a.jpg": jpeg(1, 300), "b.jpg": jpeg(2), "c.jpg": b"words", "d.jpg": jpeg(3)}.items():
        (uploads / name).write_bytes(content)
    Image.open(uploads / "a.jpg").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(uploads / "e.jpg")
    write_video(uploads / "f.mp4", scenes((2, 1), 20, 256, 256))
    with serving(create_app(gate)) as url, Gate.from_url(url, key_for(gate, "match")) as asked:
        done = replay(shown_with_progress([uploads], 0), asked, Tally(gate.clock.now()))
    told = done.to_json()
    assert told["by_action"] == {"allow": 2, "review": 0, "block": 3}
    assert told["unreadable"] == {"picture_unreadable": 1}
    assert [Path(one["path"]).name for one in told["stopped"]] == ["a.jpg", "e.jpg", "f.mp4"]
    assert "a.jpg" in done.to_text()


def test_figures_carry_no_fingerprint_and_need_a_key_from_afar(
    client: AppClient, gate: GateRuntime, feed: Feed
) -> None:
    [entry] = feed.add(ONE)
    client.post("/v1/check", content=jpeg(1))
    problem(client, 422, "POST", "/v1/check", content=b"words")
    text = client.get("/metrics").text
    assert 'amparo_gate_uploads_total{action="block"} 1.0' in text
    assert 'amparo_gate_errors_total{code="picture_unreadable"} 1.0' in text
    assert "amparo_gate_entries 1.0" in text
    assert ONE.hex not in text
    assert entry not in text
    assert client_for(gate, create_app(gate)).get("/metrics").status_code == 401
    with serving(create_app(gate)) as url:
        import httpx

        assert httpx.get(f"{url}/metrics", trust_env=False).status_code == 200
        assert httpx.get(f"{url}/metrics", headers={"X-Forwarded-For": "1.2.3.4"}, trust_env=False).status_code == 401


def test_without_keys_everyone_may_ask_where_that_was_said(gate: GateRuntime) -> None:
    client = client_for(gate, create_app(gate, open_to_all=True))
    assert client.post("/v1/check", content=jpeg(1)).status_code == 200
    assert client.get("/c/banks").status_code == 200


def test_urls_lead_nowhere_until_an_operator_says_where(client: AppClient) -> None:
    for path in ("/h/hash", "/m/lookup"):
        response = client.get(path, params={"url": "http://127.0.0.1:1/a.jpg"})
        assert response.status_code == 403
        assert response.json().keys() == {"message"}


def test_the_client_learns_what_is_wrong(gate: GateRuntime) -> None:
    from amparo.core.errors import InvalidInput, Rejected, Unauthenticated, Unavailable

    with serving(create_app(gate)) as url:
        for key, kind in (("wrong", Unauthenticated), (key_for(gate, "hash"), Rejected)):
            with Gate.from_url(url, key) as asked, pytest.raises(kind):
                asked.check(jpeg(1))
        with Gate.from_url(url, key_for(gate, "match")) as asked:
            with pytest.raises(InvalidInput) as caught:
                asked.check(b"words")
            assert caught.value.code == "picture_unreadable"
            assert asked.check(jpeg(1)).allowed
            assert asked.look_up([]) == []
    with Gate.from_url(url, "any") as asked, pytest.raises(Unavailable):
        asked.check(jpeg(1))


def test_the_document_describes_every_route_that_is_served(client: AppClient, gate: GateRuntime) -> None:
    described = client.get("/v1/openapi.json").json()["paths"]
    quiet = {"/status", "/status/live", "/site-map", "/metrics", "/openapi/openapi.json", "/v1/openapi.json"}
    served = {
        (route.path, method.lower())
        for route in create_app(gate).routes
        if route.path not in quiet
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert {(path, method) for path, methods in described.items() for method in methods} == served
    json.dumps(described)
