"""The contract of ``amparo.store.jobs.protocol.JobLedger``, as tests over a fixture ``store``."""

from __future__ import annotations

import threading
from datetime import timedelta

from amparo.core.ids import CaseId
from amparo.store.jobs.protocol import LONGEST_WAIT, JobRecord, JobState, NewJob
from amparo.store.protocol import Store
from amparo.testing.records import NOW, some_case

MINUTE = timedelta(minutes=1)
LEASE = 10 * MINUTE
KINDS = ("mail",)


def some_job(name: str = "one", kind: str = "mail", case: CaseId | None = None) -> NewJob:
    return NewJob(kind, name, b"sealed " + name.encode(), case)


def claimed(store: Store, by: str = "A", at: timedelta = timedelta()) -> JobRecord | None:
    with store.write() as transaction:
        return transaction.jobs.claim(KINDS, by, NOW + at, LEASE)


def enqueued(store: Store, *names: str) -> None:
    with store.write() as transaction:
        for name in names:
            transaction.jobs.enqueue(some_job(name), NOW)


def state_of(store: Store, name: str = "one") -> JobState:
    with store.read() as transaction:
        record = transaction.jobs.named(name)
    assert record is not None
    return record.state


class JobsContract:
    """What every store must do for jobs."""

    def test_work_of_one_name_is_asked_for_once_whatever_became_of_it(self, store: Store) -> None:
        with store.write() as transaction:
            assert transaction.jobs.enqueue(some_job(), NOW)
            assert not transaction.jobs.enqueue(some_job(), NOW + MINUTE)
        job = claimed(store)
        assert job is not None
        assert (job.sealed, job.asked_at, job.attempts) == (b"sealed one", NOW, 1)
        with store.write() as transaction:
            assert transaction.jobs.complete(job.id, "A", NOW)
            assert not transaction.jobs.enqueue(some_job(), NOW + MINUTE)
        assert state_of(store) is JobState.DONE
        assert claimed(store, at=LONGEST_WAIT) is None

    def test_a_finished_job_leaves_its_name_free(self, store: Store) -> None:
        enqueued(store, "one")
        job = claimed(store)
        assert job is not None
        with store.write() as transaction:
            assert transaction.jobs.finish(job.id, "A")
            assert transaction.jobs.job(job.id) is None
            assert transaction.jobs.enqueue(some_job(), NOW)

    def test_what_fails_with_its_transaction_was_never_asked_for(self, store: Store) -> None:
        try:
            with store.write() as transaction:
                transaction.jobs.enqueue(some_job(), NOW)
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        assert claimed(store) is None

    def test_a_claim_keeps_others_away_until_its_lease_is_over(self, store: Store) -> None:
        enqueued(store, "one")
        first = claimed(store)
        assert first is not None
        assert (first.state, first.claimed_by, first.claimed_until) == (JobState.CLAIMED, "A", NOW + LEASE)
        assert claimed(store, "B", LEASE - MINUTE) is None
        again = claimed(store, "B", LEASE)
        assert again is not None
        assert (again.id, again.attempts, again.claimed_by) == (first.id, 2, "B")

    def test_who_lost_the_claim_decides_nothing(self, store: Store) -> None:
        enqueued(store, "one")
        first = claimed(store)
        assert first is not None
        claimed(store, "B", LEASE)
        with store.write() as transaction:
            jobs = transaction.jobs
            assert not jobs.complete(first.id, "A", NOW)
            assert not jobs.finish(first.id, "A")
            assert not jobs.put_off(first.id, "A", NOW, MINUTE, "down")
            assert not jobs.give_up(first.id, "A", NOW, "down")
        assert state_of(store) is JobState.CLAIMED

    def test_the_longest_due_comes_first_and_only_kinds_that_were_asked_for(self, store: Store) -> None:
        with store.write() as transaction:
            transaction.jobs.enqueue(some_job("later"), NOW + MINUTE)
            transaction.jobs.enqueue(some_job("first"), NOW)
            transaction.jobs.enqueue(some_job("other", kind="draft"), NOW - MINUTE)
            assert not transaction.jobs.ready(KINDS, NOW - MINUTE)
            assert transaction.jobs.ready(KINDS, NOW)
        names = [job.name for _ in range(3) if (job := claimed(store, at=2 * MINUTE))]
        assert names == ["first", "later"]

    def test_what_was_put_off_comes_back_at_its_hour_with_the_reason_on_it(self, store: Store) -> None:
        enqueued(store, "one")
        job = claimed(store)
        assert job is not None
        with store.write() as transaction:
            assert transaction.jobs.put_off(job.id, "A", NOW, 30 * MINUTE, "mail_unavailable")
        assert claimed(store, at=29 * MINUTE) is None
        again = claimed(store, at=30 * MINUTE)
        assert again is not None
        assert (again.attempts, again.problem) == (2, "mail_unavailable")

    def test_nothing_is_put_off_for_longer_than_the_longest_wait(self, store: Store) -> None:
        enqueued(store, "one")
        job = claimed(store)
        assert job is not None
        with store.write() as transaction:
            transaction.jobs.put_off(job.id, "A", NOW, timedelta(days=400), "down")
        assert claimed(store, at=LONGEST_WAIT) is not None

    def test_a_clock_that_was_a_year_ahead_delays_nothing_once_it_is_right(self, store: Store) -> None:
        year = timedelta(days=365)
        with store.write() as transaction:
            transaction.jobs.enqueue(some_job("asked"), NOW + year)
            transaction.jobs.enqueue(some_job("begun"), NOW + year)
            first = transaction.jobs.claim(KINDS, "A", NOW + year, LEASE)
        assert first is not None
        assert {job.name for _ in range(3) if (job := claimed(store, "B"))} == {"asked", "begun"}

    def test_a_job_that_was_given_up_waits_for_a_person(self, store: Store) -> None:
        enqueued(store, "one")
        job = claimed(store)
        assert job is not None
        with store.write() as transaction:
            assert transaction.jobs.give_up(job.id, "A", NOW, "mail_refused")
        assert claimed(store, at=LONGEST_WAIT) is None
        with store.write() as transaction:
            (failed,) = transaction.jobs.lines(KINDS, [JobState.FAILED], 9)
            assert (failed.problem, failed.ended_at, failed.claimed_by) == ("mail_refused", NOW, "")
            assert transaction.jobs.again(job.id, NOW + MINUTE)
        again = claimed(store, at=MINUTE)
        assert again is not None
        assert again.attempts == 2

    def test_only_waiting_and_failed_ones_are_tried_again_by_hand(self, store: Store) -> None:
        enqueued(store, "one")
        job = claimed(store)
        assert job is not None
        with store.write() as transaction:
            assert not transaction.jobs.again(job.id, NOW)
            transaction.jobs.complete(job.id, "A", NOW)
            assert not transaction.jobs.again(job.id, NOW)
            assert not transaction.jobs.again(job.id + 99, NOW)

    def test_what_nobody_wants_is_dropped_unless_somebody_is_at_it(self, store: Store) -> None:
        enqueued(store, "one", "two")
        with store.write() as transaction:
            assert transaction.jobs.drop("never asked", NOW)
            assert transaction.jobs.drop("one", NOW)
        assert state_of(store) is JobState.DROPPED
        job = claimed(store)
        assert job is not None
        with store.write() as transaction:
            assert not transaction.jobs.drop("two", NOW)
        assert state_of(store, "two") is JobState.CLAIMED
        assert claimed(store, "B") is None

    def test_jobs_go_with_their_case(self, store: Store) -> None:
        case = some_case()
        with store.write() as transaction:
            transaction.add_case(case)
            transaction.jobs.enqueue(some_job("of the case", case=case.id), NOW)
            transaction.jobs.enqueue(some_job("of nobody"), NOW)
        job = claimed(store)
        assert job is not None
        assert job.case == case.id
        with store.write() as transaction:
            transaction.destroy_case(case.id)
            assert not transaction.jobs.complete(job.id, "A", NOW)
            assert [one.name for one in transaction.jobs.lines(KINDS, list(JobState), 9)] == ["of nobody"]

    def test_lines_are_paged_newest_first_and_counted(self, store: Store) -> None:
        enqueued(store, "one", "two", "three")
        job = claimed(store)
        assert job is not None
        with store.write() as transaction:
            transaction.jobs.complete(job.id, "A", NOW)
        with store.read() as transaction:
            jobs = transaction.jobs
            assert [one.name for one in jobs.lines(KINDS, [JobState.WAITING], 9)] == ["three", "two"]
            assert [one.name for one in jobs.lines(KINDS, list(JobState), 1, 2)] == ["one"]
            assert jobs.count(KINDS) == {JobState.WAITING: 2, JobState.DONE: 1}
            assert jobs.count(["draft"]) == {}

    def test_only_what_is_settled_and_old_is_forgotten(self, store: Store) -> None:
        enqueued(store, "done", "failed", "waiting")
        done, failed = claimed(store), claimed(store)
        assert done is not None
        assert failed is not None
        with store.write() as transaction:
            transaction.jobs.complete(done.id, "A", NOW)
            transaction.jobs.give_up(failed.id, "A", NOW, "mail_refused")
            assert transaction.jobs.forget(NOW) == 0
            assert transaction.jobs.forget(NOW + MINUTE) == 1
            left = transaction.jobs.lines(KINDS, list(JobState), 9)
        assert [one.name for one in left] == ["waiting", "failed"]

    def test_of_many_workers_at_once_each_job_goes_to_one(self, store: Store) -> None:
        enqueued(store, *(f"job {at}" for at in range(12)))
        got: list[str] = []
        failed: list[Exception] = []

        def work(name: str) -> None:
            try:
                while (job := claimed(store, name)) is not None:
                    got.append(job.name)
            except Exception as error:  # noqa: BLE001  # carried to the asserting thread
                failed.append(error)

        threads = [threading.Thread(target=work, args=(f"worker {at}",)) for at in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed
        assert sorted(got) == sorted(f"job {at}" for at in range(12))
