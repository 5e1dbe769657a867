"""Mailboxes: how they are left alone after trouble, how mail is fetched in groups, and that counts add up."""

from datetime import timedelta
from typing import get_args
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.ingestion.domain.mailboxes import MailboxSecrets, batches, retry_after
from services.ingestion.domain.reconciliation import SETTLED, Bucket, Counted, balance

COUNTS = st.lists(
    st.builds(
        Counted,
        st.sampled_from([None, UUID(int=1), UUID(int=2)]),
        st.none(),
        st.sampled_from(get_args(Bucket)),
        st.none() | st.sampled_from(["loop", "report"]),
        st.integers(1, 1000),
    )
)


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 100)), unique_by=lambda each: each[0]))
def test_groups_keep_every_mail_in_order_and_within_bounds(sizes: list[tuple[int, int]]) -> None:
    groups = batches(sizes, mails=5, total_bytes=120)
    assert [uid for group in groups for uid in group] == [uid for uid, _ in sizes]
    by_uid = dict(sizes)
    for group in groups:
        assert 1 <= len(group) <= 5
        assert len(group) == 1 or sum(by_uid[uid] for uid in group) <= 120


@given(st.integers(1, 2000), st.sampled_from(["timeout", "login_failed", "ours"]))
def test_a_server_in_trouble_is_asked_less_and_less_but_never_given_up(failures: int, reason: str) -> None:
    wait = retry_after(failures, reason)
    assert timedelta(seconds=5) <= wait <= retry_after(failures + 1, reason) <= timedelta(minutes=15)
    assert reason != "login_failed" or wait >= timedelta(minutes=1)


@given(COUNTS)
def test_counts_add_up_in_all_and_by_mailbox(counts: list[Counted]) -> None:
    total, accounts = balance(counts)
    assert total.received == sum(each.count for each in counts) == sum(each.received for each in accounts)
    assert total.unaccounted == sum(each.count for each in counts if each.bucket == "missing")
    assert total.unique == total.unaccounted + sum(total.buckets[bucket] for bucket in SETTLED)
    assert sum(total.ignored.values()) == total.buckets["ignored"]


def test_secrets_that_are_left_out_stay_and_none_is_shown() -> None:
    merged = MailboxSecrets(password="one", smtp_password="two").merged(MailboxSecrets(password="three"))
    assert (merged.password, merged.smtp_password) == ("three", "two")
    assert "three" not in repr(merged)
