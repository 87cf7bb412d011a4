"""The demo site over its gate: published, held for a person, decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest

from amparo.bank import Action
from amparo.bank.opinion import Opinion
from amparo.core.errors import AmparoError, Conflict, NotFound, Unauthenticated, Unavailable
from amparo.core.ids import EntryId, ReviewId
from amparo.demo.shelf import Shelf
from amparo.demo.site import create_app
from amparo.gate import Answer, Gate
from amparo.gate.answer import Traced
from amparo.gate.video_answer import VideoAnswer
from amparo.signal.fingerprint import Pdq
from amparo.signal.trace import Relation
from tests.altered import photo
from tests.asgi import Asked

REVIEW = ReviewId("1" * 32)
HELD = Answer(Action.REVIEW, trace=Traced(Relation.ALTERED, 0.3, review=REVIEW))
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class ScriptedGate:
    """Stands where a gate's server would: the real client in front of it is a matter of tests/gate."""

    answer: Answer
    failure: AmparoError | None = None
    """Of a decision."""
    down: AmparoError | None = None
    said: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])

    def check(self, picture: bytes, place: str) -> Answer:
        assert place == "photo upload"
        if self.down is not None:
            raise self.down
        return self.answer

    def check_video(self, video: bytes, place: str, seconds: float) -> VideoAnswer:
        raise AssertionError("nobody sent a video")

    def look_up(self, fingerprints: object) -> list[Answer]:
        assert not isinstance(fingerprints, Pdq)
        return []

    def decide(self, review: str, *, confirmed: bool) -> bool:
        if self.failure is not None:
            raise self.failure
        self.said.append((review, confirmed))
        return confirmed

    def tell_opinion(self, entry: EntryId, opinion: Opinion) -> bool:
        raise AssertionError("nobody asked for an opinion")

    def close(self) -> None:
        pass


def site(folder: Path, gate: ScriptedGate) -> Asked:
    return Asked(create_app(folder, Gate(gate)), "http://demo.test")


def upload(client: Asked) -> str:
    answer = client.post("/upload", files={"photo": ("p.jpg", photo(1), "image/jpeg")})
    return answer.headers.get("location", "") or answer.text


def names(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir())


def decide(client: Asked, folder: Path, decision: str) -> int:
    (held,) = (path.stem for path in folder.iterdir() if path.suffix == ".held")
    body = urlencode({"photo": held, "decision": decision})
    return client.post("/review", content=body, headers=FORM).status_code


def test_a_harmless_upload_is_published(tmp_path: Path) -> None:
    client = site(tmp_path, ScriptedGate(Answer(Action.ALLOW)))
    assert upload(client) == "/?said=published"
    assert names(tmp_path) == [".photo"]
    assert client.get(f"/photos/{next(tmp_path.iterdir()).stem}").headers["content-type"] == "image/jpeg"


def test_a_blocked_upload_is_refused(tmp_path: Path) -> None:
    client = site(tmp_path, ScriptedGate(Answer(Action.BLOCK)))
    assert "cannot be published" in upload(client)
    assert names(tmp_path) == []


def test_a_held_upload_is_shown_to_nobody_but_the_reviewer(tmp_path: Path) -> None:
    client = site(tmp_path, ScriptedGate(HELD))
    assert upload(client) == "/?said=held"
    (held,) = (path.stem for path in tmp_path.iterdir() if path.suffix == ".held")
    assert held not in client.get("/").text
    assert client.get(f"/photos/{held}").status_code == 404
    assert held in client.get("/review").text
    assert client.get(f"/held/{held}").status_code == 200


@pytest.mark.parametrize(("decision", "left"), [("confirm", []), ("dismiss", [".photo"])])
def test_a_decision_is_told_and_followed(tmp_path: Path, decision: str, left: list[str]) -> None:
    gate = ScriptedGate(HELD)
    client = site(tmp_path, gate)
    upload(client)
    assert decide(client, tmp_path, decision) == 303
    assert gate.said == [(REVIEW, decision == "confirm")]
    assert names(tmp_path) == left


def test_what_only_this_site_holds_is_decided_here(tmp_path: Path) -> None:
    gate = ScriptedGate(Answer(Action.REVIEW))
    client = site(tmp_path, gate)
    upload(client)
    assert decide(client, tmp_path, "confirm") == 303
    assert gate.said == []
    assert names(tmp_path) == []


def test_an_upload_whose_photo_was_taken_back_is_published(tmp_path: Path) -> None:
    client = site(tmp_path, ScriptedGate(HELD, NotFound("review_unknown", "x")))
    upload(client)
    assert decide(client, tmp_path, "confirm") == 303
    assert names(tmp_path) == [".photo"]


@pytest.mark.parametrize("failure", [Unavailable("hub_unreachable", "x"), Conflict("review_decided", "x")])
def test_a_decision_that_could_not_be_told_changes_nothing(tmp_path: Path, failure: AmparoError) -> None:
    client = site(tmp_path, ScriptedGate(HELD, failure))
    upload(client)
    assert decide(client, tmp_path, "confirm") == failure.status
    assert names(tmp_path) == [".held", ".review"]


def test_a_photo_that_does_not_wait_cannot_be_decided_on(tmp_path: Path) -> None:
    client = site(tmp_path, ScriptedGate(HELD))
    body = urlencode({"photo": "../x", "decision": "confirm"})
    assert client.post("/review", content=body, headers=FORM).status_code == 404


@pytest.mark.parametrize(
    ("down", "status"),
    [(Unavailable("gate_unreachable", "x"), 503), (Unauthenticated("gate_key_wrong", "x"), 503)],
)
def test_while_the_gate_does_not_answer_an_upload_is_told_so_on_a_page(
    tmp_path: Path, down: AmparoError, status: int
) -> None:
    client = site(tmp_path, ScriptedGate(Answer(Action.ALLOW), down=down))
    answer = client.post("/upload", files={"photo": ("p.jpg", photo(1), "image/jpeg")})
    assert answer.status_code == status
    assert "Try again in a few minutes." in answer.text
    assert '<form method="post" action="/upload"' in answer.text
    assert names(tmp_path) == []


def test_an_upload_that_cannot_be_read_is_told_so_on_a_page(tmp_path: Path) -> None:
    client = site(tmp_path, ScriptedGate(Answer(Action.ALLOW)))
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/upload", content=b"--x", headers=kind)
    assert answer.status_code == 422
    assert "could not be read" in answer.text
    assert "<form" in answer.text


def test_a_kill_while_a_photo_is_written_leaves_none_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(tmp_path)

    def killed(_descriptor: int) -> None:
        raise KeyboardInterrupt

    def kept(_path: Path, *, missing_ok: bool = False) -> None:
        del missing_ok

    for write in (lambda: shelf.publish(b"photo"), lambda: shelf.hold(b"photo", REVIEW)):
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", killed)
            # What was written by then stays, as after a kill.
            patch.setattr(Path, "unlink", kept)
            with pytest.raises(KeyboardInterrupt):
                write()
        assert shelf.published() == []
        assert shelf.waiting() == []
    assert len(list(tmp_path.iterdir())) == 2
    Shelf(tmp_path)
    assert list(tmp_path.iterdir()) == []
