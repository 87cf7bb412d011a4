from __future__ import annotations

import asyncio
import io
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse

from amparo.bank import Action
from amparo.core.errors import AmparoError, InvalidInput, Unavailable
from amparo.gate import Gate, GateMiddleware, GateWsgiMiddleware
from amparo.gate.body_budget import BodyBudget
from amparo.gate.screening import Screening
from amparo.gate.uploads import BodyPace
from amparo.gate.video_answer import VideoAnswer
from tests.gate.sdk.scripted import BLOCK, MATROSKA, REVIEW, Scripted


def screening(**options: Any) -> tuple[Screening, Scripted]:
    asked = Scripted()
    return Screening(Gate(asked), ("/upload",), **options), asked


@pytest.mark.parametrize(
    ("pictures", "action"),
    [
        ([], Action.ALLOW),
        ([b"allow"], Action.ALLOW),
        ([b"allow", b"review", b"allow"], Action.REVIEW),
        ([b"review", b"block"], Action.BLOCK),
        ([b"words"], Action.ALLOW),
        ([b"cut"], Action.REVIEW),
        ([b"cut", b"block"], Action.BLOCK),
    ],
)
def test_the_strictest_answer_of_an_upload_counts(pictures: list[bytes], action: Action) -> None:
    judging, _ = screening()
    assert judging.judge(pictures).action is action
    assert judging.counts[action.value] == 1


def test_a_review_keeps_its_matches_when_another_file_cannot_be_read() -> None:
    judging, _ = screening()
    assert judging.judge([b"review", b"cut"]).matches == REVIEW.matches


@pytest.mark.parametrize(
    ("files", "action", "counts"),
    [
        ([b"allow"], Action.ALLOW, {}),
        ([b"review"], Action.REVIEW, {}),
        ([b"allow", b"block"], Action.BLOCK, {}),
        ([b"video_unreadable"], Action.REVIEW, {"unreadable": 1}),
        ([b"video_truncated"], Action.REVIEW, {"unreadable": 1}),
        ([b"video_unsupported", b"block"], Action.BLOCK, {"unreadable": 1}),
        ([b"video_without_pictures"], Action.ALLOW, {"no_picture": 1}),
        *(
            ([word], Action.REVIEW, {"over_budget": 1, "failed_closed": 1})
            for word in (b"video_timeout", b"video_too_long", b"video_too_large", b"video_too_many_bytes")
        ),
    ],
)
def test_videos_are_judged_by_their_strictest_frame(files: list[bytes], action: Action, counts: dict[str, int]) -> None:
    judging, _ = screening()
    answer = judging.judge([MATROSKA + word for word in files])
    assert answer.action is action
    assert judging.counts == {action.value: 1, "videos": len(files), **counts}
    if action is Action.BLOCK:
        assert answer.matches == BLOCK.matches


def test_a_video_over_its_budget_passes_where_the_platform_fails_open() -> None:
    judging, _ = screening(fail_open=True)
    assert judging.judge([MATROSKA + b"video_too_long", b"review"]).action is Action.REVIEW
    assert judging.judge([MATROSKA + b"video_timeout"]).allowed
    assert judging.counts == {"videos": 2, "over_budget": 2, "failed_open": 2, "review": 1, "allow": 1}


def test_videos_have_a_time_budget_of_their_own_and_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amparo.gate.screening._PATIENCE", 0.0)
    judging, asked = screening(video_seconds=0.2)
    with pytest.raises(Unavailable, match="gate_too_slow"):
        judging.judge([MATROSKA + b"slow"])
    asked.released.set()
    opened, also = screening(fail_open=True, video_seconds=1e-9)
    assert opened.judge([MATROSKA + b"allow", MATROSKA + b"block", b"allow"]).allowed
    also.released.set()
    assert opened.counts["failed_open"] == 1


def test_a_gate_that_takes_no_more_videos_is_one_that_does_not_answer() -> None:
    closed, _ = screening()
    with pytest.raises(Unavailable, match="gate_busy"):
        closed.judge([MATROSKA + b"down"])
    assert closed.counts == {"videos": 1, "failed_closed": 1}


def test_a_picture_that_only_seems_a_video_too_is_judged_as_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    judging, asked = screening()
    seeming = bytearray(b"allow" + bytes(500))
    seeming[4:389:192] = b"GGG"
    asked_video = asked.check_video

    def unreadable(video: bytes, place: str, seconds: float) -> VideoAnswer:
        asked_video(video, place, seconds)
        raise InvalidInput("video_unreadable", "No video.")

    monkeypatch.setattr(asked, "check_video", unreadable)
    assert judging.judge([bytes(seeming)]).allowed
    assert asked.asked == [bytes(seeming)] * 2
    assert judging.counts == {"videos": 1, "allow": 1}


def test_uploads_pass_or_do_not_pass_while_the_gate_is_down_and_both_are_counted() -> None:
    closed, _ = screening()
    with pytest.raises(Unavailable):
        closed.judge([b"down"])
    assert closed.counts == {"failed_closed": 1}
    opened, _ = screening(fail_open=True)
    assert opened.judge([b"down"]).allowed
    assert opened.counts == {"failed_open": 1, "allow": 1}


def test_a_gate_that_hangs_costs_the_time_budget_and_no_more() -> None:
    judging, asked = screening(seconds=0.05)
    with pytest.raises(AmparoError) as caught:
        judging.judge([b"slow"])
    assert caught.value.code == "gate_too_slow"
    opened, also = screening(seconds=0.05, fail_open=True)
    assert opened.judge([b"slow", b"block"]).allowed
    assert also.asked == [b"slow"]
    asked.released.set()
    also.released.set()


async def _site(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % len(body)})


def _wsgi_site(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"%d" % len(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))]


def over(kind: str, **options: Any) -> Any:
    """Asks a site behind the middleware of this kind."""
    gate = Gate(Scripted())
    if kind == "wsgi":
        wsgi = httpx.WSGITransport(GateWsgiMiddleware(_wsgi_site, gate, ("/upload",), **options))
        client = httpx.Client(transport=wsgi, base_url="http://site.test")
        return client.request
    asgi = httpx.ASGITransport(GateMiddleware(_site, gate, ("/upload",), **options))

    async def ask(method: str, path: str, **sent: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=asgi, base_url="http://site.test") as client:
            return await client.request(method, path, **sent)

    def asked(method: str, path: str, **sent: Any) -> httpx.Response:
        return asyncio.run(ask(method, path, **sent))

    return asked


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_the_site_gets_the_whole_body_of_what_passes(kind: str) -> None:
    ask = over(kind)
    body = b"a" * 200_000
    assert ask("POST", "/upload", content=body, headers={"Content-Type": "image/jpeg"}).text == "200000"
    assert ask("PUT", "/upload/x", content=b"block", headers={"Content-Type": "image/jpeg"}).status_code == 403
    assert (
        ask("PATCH", "/upload", content=b"block", headers={"Content-Type": "application/octet-stream"}).status_code
        == 403
    )
    assert ask("POST", "/elsewhere", content=b"block", headers={"Content-Type": "image/jpeg"}).text == "5"
    assert ask("POST", "/upload", json={"a": 1}).status_code == 200
    many = [("a", b"allow"), ("b", b"words"), ("c", b"block")]
    assert ask("POST", "/upload", files=many).status_code == 403


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_uploads_over_the_size_budget_or_malformed_are_refused_unasked(kind: str) -> None:
    ask = over(kind, body_limit=1000)
    assert (
        ask("POST", "/upload", content=b"a" * 1001, headers={"Content-Type": "image/jpeg"}).json()["code"]
        == "body_too_long"
    )
    broken = {"Content-Type": "multipart/form-data"}
    assert ask("POST", "/upload", content=b"--x", headers=broken).json()["code"] == "upload_malformed"
    disposition = b'Content-Disposition: form-data; name="a"; filename="a"\r\n'
    part = b"--x\r\n" + disposition + b"Content-Transfer-Encoding: base64\r\n\r\nYg==\r\n--x--\r\n"
    kind_of = {"Content-Type": "multipart/form-data; boundary=x"}
    assert ask("POST", "/upload", content=part, headers=kind_of).json()["code"] == "upload_malformed"


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_a_gate_that_is_down_is_an_unavailable_site_or_an_open_one(kind: str) -> None:
    sent = {"content": b"down", "headers": {"Content-Type": "image/jpeg"}}
    refused = over(kind)("POST", "/upload", **sent)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert over(kind, fail_open=True)("POST", "/upload", **sent).status_code == 200


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_uploads_share_a_budget_of_memory_and_give_back_what_they_took(kind: str) -> None:
    budget = BodyBudget(1000, seconds=0.01)
    ask = over(kind, budget=budget)
    sent: dict[str, Any] = {"content": b"a" * 600, "headers": {"Content-Type": "image/jpeg"}}
    with budget.share() as another:
        another.take_here(600)
        refused = ask("POST", "/upload", **sent)
        assert (refused.status_code, refused.json()["code"]) == (503, "bodies_too_many")
        assert budget.taken == 600
    assert ask("POST", "/upload", **sent).text == "600"
    assert ask("POST", "/upload", **{**sent, "content": b"block"}).status_code == 403
    assert budget.taken == 0


def test_an_upload_that_arrives_too_slowly_is_refused() -> None:
    asgi = GateMiddleware(_site, Gate(Scripted()), ("/upload",), pace=BodyPace(grace=0.01, bytes_per_second=1e9))

    async def never() -> Any:
        await asyncio.Event().wait()

    told: list[Any] = []

    async def send(message: Any) -> None:
        told.append(message)

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/upload", "headers": []}
    asyncio.run(asgi(scope, never, send))
    assert told[0]["status"] == 422
    assert b"body_too_slow" in told[1]["body"]


def test_a_platform_may_explain_in_its_own_words_what_could_not_be_screened() -> None:
    async def page(_request: Any, error: AmparoError) -> PlainTextResponse:
        return PlainTextResponse(f"sorry: {error.code}", error.status)

    def wsgi_page(_environ: Any, start_response: Any, error: AmparoError) -> list[bytes]:
        start_response(f"{error.status} Sorry", [])
        return [f"sorry: {error.code}".encode()]

    for kind, explain in (("asgi", page), ("wsgi", wsgi_page)):
        answer = over(kind, explain=explain)("POST", "/upload", content=b"down", headers={"Content-Type": "image/png"})
        assert (answer.status_code, answer.text) == (503, "sorry: gate_unreachable")


class Started:
    """WSGI's ``start_response``, remembering the statuses."""

    def __init__(self) -> None:
        self.statuses: list[str] = []

    def __call__(self, status: str, headers: list[tuple[str, str]], error: object = None, /) -> Any:
        self.statuses.append(status[:3])
        return None


def upload(body: bytes, **more: object) -> Any:
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/upload",
        "CONTENT_TYPE": "image/png",
        "wsgi.input": io.BytesIO(body),
        **more,
    }


def test_a_wsgi_body_that_ends_early_is_refused() -> None:
    middleware, started = GateWsgiMiddleware(_wsgi_site, Gate(Scripted()), ("/upload",)), Started()
    middleware(upload(b"allow", CONTENT_LENGTH="10"), started)
    middleware(upload(b"allow", CONTENT_LENGTH="ten"), started)
    assert started.statuses == ["422", "422"]


def test_a_chunked_wsgi_body_is_read_to_its_end_and_no_further_than_the_budget() -> None:
    middleware = GateWsgiMiddleware(_wsgi_site, Gate(Scripted()), ("/upload",), body_limit=1000)
    started = Started()
    for body in (b"a" * 900, b"a" * 5000, b"block"):
        middleware(upload(body, **{"wsgi.input_terminated": True}), started)
    assert started.statuses == ["200", "422", "403"]
