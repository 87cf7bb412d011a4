"""Notices by e-mail against a real server: each goes out once, and what could not be sent is never lost or sent unasked."""

from __future__ import annotations

import stat
import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from amparo.core.clock import SteppedClock
from amparo.core.errors import Conflict, InvalidInput, Rejected, Unavailable
from amparo.hub.app import public_app
from amparo.hub.commands import notices, person, sending
from amparo.hub.context import Hub
from amparo.hub.jobs import worker as worker_room
from amparo.hub.mail import write_mail_settings
from amparo.notice.machine import Channel, Phase
from amparo.store.jobs.protocol import JobRecord, JobState
from tests.gate.serving import served
from tests.hub.noticing import (
    TO,
    Town,
    approved,
    asked_to_send,
    digest_of,
    filled,
    state_of,
    town,
    with_words,
    work,
)
from tests.hub.posting import Post, mail_server
from tests.walk.running import free_ports

HOUR = timedelta(hours=1)


@pytest.fixture
def place(hub: Hub) -> Town:
    return town(hub)


@pytest.fixture
def post(hub: Hub) -> Post:
    """A server that is set up, and not running yet."""
    post = Post(free_ports(1)[0])
    write_mail_settings(hub.mail_file, post.settings())
    return post


def job_of(hub: Hub) -> JobRecord:
    with hub.store.read() as transaction:
        (job,) = transaction.jobs.lines([sending.SEND], list(JobState), 9)
    return job


def test_the_approved_text_goes_to_the_approved_address_once(place: Town, post: Post) -> None:
    with mail_server(post):
        notice = asked_to_send(place)
        sending.send(place.hub, place.by, notice)
        assert work(place.hub) == 1
        assert work(place.hub) == 0
    (message,) = post.taken
    state = state_of(place.hub, notice).state
    assert state.approved is not None
    assert message.get_content().replace("\r\n", "\n") == state.approved.rendered.text
    assert post.envelopes[0].rcpt_tos == [TO]
    assert post.envelopes[0].mail_from == "desk@hotline.example.org"
    assert state.phase is Phase.SENT
    assert state.sent is not None
    assert (state.sent.channel, state.sent.reference) == (Channel.EMAIL, message["Message-ID"])
    assert job_of(place.hub).state is JobState.DONE
    with pytest.raises(Conflict) as caught:
        sending.send(place.hub, place.by, notice)
    assert caught.value.code == "notice_sent"


def test_nothing_is_sent_that_nobody_approved(place: Town, post: Post) -> None:
    with mail_server(post):
        notice = filled(place)
        with pytest.raises(Rejected) as caught:
            sending.send(place.hub, place.by, notice)
        assert caught.value.code == "notice_not_approved"
        assert work(place.hub) == 0
    assert post.taken == []


def test_approving_alone_sends_nothing(place: Town, post: Post) -> None:
    with mail_server(post):
        approved(place)
        assert work(place.hub) == 0
    assert post.taken == []


def test_what_has_no_mail_address_is_not_sent_by_mail(place: Town, post: Post) -> None:
    notice = filled(place)
    opened = state_of(place.hub, notice)
    form = replace(opened.notice, to="https://platform.example.com/report")
    notices.revise(place.hub, place.by, form, opened.state.version)
    notices.approve(place.hub, place.by, notice, digest_of(place.hub, notice))
    with pytest.raises(InvalidInput) as caught:
        sending.send(place.hub, place.by, notice)
    assert caught.value.code == "notice_email_invalid"


def test_a_hub_without_mail_says_so(place: Town) -> None:
    notice = approved(place)
    with pytest.raises(Conflict) as caught:
        sending.send(place.hub, place.by, notice)
    assert caught.value.code == "mail_not_set_up"


def test_mail_that_is_down_for_a_day_is_sent_once_when_it_is_back(place: Town, post: Post, clock: SteppedClock) -> None:
    notice = asked_to_send(place)
    tries = 0
    for _ in range(24 * 12):
        tries += work(place.hub)
        clock.advance(timedelta(minutes=5))
    assert 24 <= tries <= 40, "a day of trying, an hour apart at last"
    assert state_of(place.hub, notice).state.phase is Phase.APPROVED
    assert job_of(place.hub).problem == "mail_unreachable"
    with mail_server(post):
        for _ in range(15):
            work(place.hub)
            clock.advance(timedelta(minutes=5))
    assert len(post.taken) == 1
    assert state_of(place.hub, notice).state.phase is Phase.SENT


def test_after_a_lost_answer_the_same_message_goes_out_again(place: Town, post: Post, clock: SteppedClock) -> None:
    notice = asked_to_send(place)
    with mail_server(post):
        post.drop = True
        assert work(place.hub) == 1
        assert job_of(place.hub).problem == "mail_answer_lost"
        assert state_of(place.hub, notice).state.phase is Phase.APPROVED
        post.drop = False
        clock.advance(HOUR)
        assert work(place.hub) == 1
    assert len(post.taken) == 2
    assert post.ids[0] == post.ids[1]
    assert post.taken[0].as_bytes() == post.taken[1].as_bytes()
    assert state_of(place.hub, notice).state.phase is Phase.SENT


def test_a_server_that_asks_to_wait_is_asked_again(place: Town, post: Post, clock: SteppedClock) -> None:
    asked_to_send(place)
    with mail_server(post):
        post.to_message = "451 4.7.1 greylisted, say it to legal@platform.example.com again"
        work(place.hub)
        job = job_of(place.hub)
        assert (job.state, job.problem) == (JobState.WAITING, "mail_put_off 451 4.7.1")
        post.to_message = "250 OK"
        assert work(place.hub) == 0, "not before its time"
        clock.advance(timedelta(minutes=1))
        assert work(place.hub) == 1
    assert len(post.taken) == 1


@pytest.mark.parametrize(
    ("to_recipient", "to_message", "problem"),
    [
        ("550 5.1.1 no legal@platform.example.com here", "250 OK", "mail_refused 550 5.1.1"),
        ("250 OK", "554 refused", "mail_refused 554"),
    ],
)
def test_what_is_refused_waits_for_a_person_and_can_be_tried_again(
    place: Town, post: Post, clock: SteppedClock, to_recipient: str, to_message: str, problem: str
) -> None:
    notice = asked_to_send(place)
    with place.hub.store.write() as transaction:
        transaction.queue.set_waits(place.case, False)
    with mail_server(post):
        post.to_recipient, post.to_message = to_recipient, to_message
        work(place.hub)
        clock.advance(timedelta(days=30))
        assert work(place.hub) == 0, "nobody tries again by himself"
        job = job_of(place.hub)
        assert (job.state, job.problem) == (JobState.FAILED, problem)
        assert state_of(place.hub, notice).state.phase is Phase.APPROVED
        with place.hub.store.read() as transaction:
            line = transaction.queue.line(place.case)
        assert line is not None
        assert line.waits
        post.to_recipient = post.to_message = "250 OK"
        sending.send(place.hub, place.by, notice)
        assert work(place.hub) == 1
    assert len(post.taken) == 1
    assert state_of(place.hub, notice).state.phase is Phase.SENT


def test_after_five_days_the_hub_gives_up_and_a_clock_that_jumps_makes_it_give_up_no_sooner(
    place: Town, post: Post, clock: SteppedClock
) -> None:
    asked_to_send(place)
    clock.advance(timedelta(days=400))
    work(place.hub)
    assert job_of(place.hub).state is JobState.WAITING
    for _ in range(40):
        clock.advance(HOUR)
        work(place.hub)
    assert job_of(place.hub).state is JobState.FAILED


def test_who_revises_what_waits_to_be_sent_stops_it(place: Town, post: Post) -> None:
    notice = asked_to_send(place)
    opened = state_of(place.hub, notice)
    notices.revise(place.hub, place.by, with_words(opened.notice, "Another Platform"), opened.state.version)
    with mail_server(post):
        assert work(place.hub) == 0
        assert job_of(place.hub).state is JobState.DROPPED
        back = state_of(place.hub, notice)
        notices.revise(place.hub, place.by, opened.notice, back.state.version)
        notices.approve(place.hub, place.by, notice, digest_of(place.hub, notice))
        sending.send(place.hub, place.by, notice)
        assert work(place.hub) == 1, "the same text, approved anew, is sent"
    assert len(post.taken) == 1


def test_nothing_changes_under_a_worker_that_is_sending(place: Town, post: Post, clock: SteppedClock) -> None:
    notice = asked_to_send(place)
    with place.hub.store.write() as transaction:
        assert transaction.jobs.claim([sending.SEND], "another process", clock.now(), HOUR) is not None
    opened = state_of(place.hub, notice)
    for act in (
        lambda: notices.revise(place.hub, place.by, with_words(opened.notice, "X"), opened.state.version),
        lambda: notices.abandon(place.hub, place.by, notice, "changed our mind"),
        lambda: notices.record_sent(place.hub, place.by, notice, Channel.POST, "letter 1"),
    ):
        with pytest.raises(Conflict) as caught:
            act()
        assert caught.value.code == "notice_being_sent"
    assert state_of(place.hub, notice).state.version == opened.state.version


def test_a_message_that_came_back_is_another_message_when_it_is_sent_again(place: Town, post: Post) -> None:
    notice = asked_to_send(place)
    with mail_server(post):
        work(place.hub)
        notices.record_failure(place.hub, place.by, notice, "The report says: unknown mailbox.")
        assert state_of(place.hub, notice).state.phase is Phase.APPROVED
        assert work(place.hub) == 0, "nothing is sent again by itself"
        sending.send(place.hub, place.by, notice)
        assert work(place.hub) == 1
    assert len(set(post.ids)) == 2


def test_a_withdrawn_case_takes_its_letters_with_it(place: Town, post: Post) -> None:
    asked_to_send(place)
    person.withdraw_case(place.hub, place.code)
    with mail_server(post):
        assert work(place.hub) == 0
    assert post.taken == []


def test_a_message_taken_while_the_database_is_busy_is_recorded_and_not_sent_twice(
    place: Town, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = asked_to_send(place)
    monkeypatch.setattr(sending, "_RECORD_AGAIN_AFTER", (0.0, 0.0))
    real, failed = sending._record, [True, True]  # pyright: ignore[reportPrivateUsage]

    def busy(*arguments: object) -> None:
        if failed:
            failed.pop()
            raise Unavailable("store_busy", "busy")
        real(*arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(sending, "_record", busy)
    with mail_server(post):
        assert work(place.hub) == 1
        assert work(place.hub) == 0
    assert len(post.taken) == 1
    assert state_of(place.hub, notice).state.phase is Phase.SENT


def test_the_settings_file_is_for_its_owner_only_and_the_password_is_nowhere_in_the_database(
    place: Town, hub: Hub
) -> None:
    post = Post(free_ports(1)[0])
    write_mail_settings(hub.mail_file, post.settings(user="desk", password="correct horse"))
    assert stat.S_IMODE(hub.mail_file.stat().st_mode) == 0o600
    asked_to_send(place)
    work(hub)
    database = b"".join(path.read_bytes() for path in hub.mail_file.parent.glob("hub.sqlite*"))
    for secret in (b"correct horse", TO.encode(), b"Casey Worker", b"hotline.example.org", b"photo/1"):
        assert secret not in database, secret
    assert b"us-take-it-down" in database, "the search itself must be able to find something"


def test_a_running_hub_sends_by_itself_and_ends_with_its_server(place: Town, post: Post) -> None:
    (port,) = free_ports(1)
    with mail_server(post), served(public_app(place.hub), port, place.hub.bell.close):
        notice = asked_to_send(place)
        until = time.monotonic() + 30
        while state_of(place.hub, notice).state.phase is not Phase.SENT:
            assert time.monotonic() < until
            time.sleep(0.05)
    assert len(post.taken) == 1
    assert not any(thread.name == "amparo-worker" for thread in threading.enumerate())


def test_letters_that_hang_do_not_keep_the_clocks_waiting(
    place: Town, hub: Hub, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each letter takes as long as ten looks."""
    looked, sent = threading.Event(), list[str]()

    def look(_hub: Hub) -> None:
        if len(sent) >= 2:
            looked.set()

    monkeypatch.setattr(worker_room, "look_at_clocks", look)

    def hang(_hub: Hub, job: JobRecord, _name: str) -> None:
        sent.append(job.name)
        time.sleep(0.2)

    monkeypatch.setattr(worker_room, "DOERS", {sending.SEND: hang})
    write_mail_settings(hub.mail_file, Post(free_ports(1)[0]).settings())
    for _ in range(12):
        asked_to_send(place)
    worker = worker_room.Worker(hub, look_every=0.02)
    worker.start()
    assert looked.wait(30)
    assert len(sent) < 12, "the clocks waited for every letter"
    assert worker.stop()
