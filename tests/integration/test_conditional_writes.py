"""Sixteen workers, one item, on an emulator that really serialises their writes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from coval_relay.adapters.dynamodb import DynamoDbCalls
from coval_relay.domain.call import Call, CallEnd, ConversationState, Facts
from coval_relay.domain.ports import Conflict
from coval_relay.domain.protocol import Attempt, Deadlines, Then, call_ended
from coval_relay.services.calls import Calls
from tests.support.emulator import client
from tests.support.fakes import FakeClock
from tests.support.table import create_table

WORKERS = 16
FACTS = Facts(occurred_at="2026-10-02T14:31:07.000Z", ended_at=1_790_951_797)


@pytest.fixture(scope="module")
def store(aws_url: str) -> DynamoDbCalls:
    dynamodb = client("dynamodb", aws_url)
    create_table(dynamodb, "conditional-writes")
    return DynamoDbCalls(dynamodb, "conditional-writes", FakeClock(), retention_days=30)


def test_of_all_who_claim_one_call_one_gets_the_lease(store: DynamoDbCalls) -> None:
    calls = Calls(store, FakeClock(), Deadlines(600, 600, 600, 600, 600))

    def claim(worker: int) -> Then:
        attempt = Attempt(f"worker-{worker}", FakeClock().now + 60, FakeClock().now)
        seen = Call(external_conversation_id="claimed")
        return calls.settle(seen, lambda call: call_ended(call, CallEnd.WITH_TEXT, FACTS, None, attempt)).then

    with ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(claim, range(WORKERS)))
    assert sorted(results) == sorted([Then.SUBMIT] + [Then.WAIT] * (WORKERS - 1))
    assert store.read("claimed").state is ConversationState.SUBMITTING


def test_no_update_is_lost(store: DynamoDbCalls) -> None:
    rounds = 10

    def count(_: int) -> None:
        for _ in range(rounds):
            seen = store.read("counted")
            while True:
                try:
                    store.write(seen, replace(seen, swept=seen.swept + 1))
                    break
                except Conflict as conflict:
                    seen = conflict.current

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(count, range(WORKERS)))
    assert (store.read("counted").swept, store.read("counted").revision) == (WORKERS * rounds,) * 2
