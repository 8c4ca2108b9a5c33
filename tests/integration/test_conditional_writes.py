"""Sixteen workers, one item, on an emulator that really serialises their writes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from coval_relay.adapters.aws.dynamodb_calls import DynamoDbCalls
from coval_relay.adapters.aws.dynamodb_table import Table
from coval_relay.domain.call import Call, CallEnd, CallFacts, ConversationState
from coval_relay.domain.lifecycle import Action, Attempt, Deadlines, call_ended
from coval_relay.domain.ports import ConflictError
from coval_relay.services.conditional_updates import Calls
from tests.support.dynamodb_table import create_table
from tests.support.emulator import client
from tests.support.fakes import FakeClock

WORKERS = 16
FACTS = CallFacts(occurred_at="2026-10-02T14:31:07.000Z", ended_at=1_790_951_797)


@pytest.fixture(scope="module")
def store(aws_url: str) -> DynamoDbCalls:
    dynamodb = client("dynamodb", aws_url)
    create_table(dynamodb, "conditional-writes")
    return DynamoDbCalls(Table(dynamodb, "conditional-writes", FakeClock(), retention_days=30))


def test_of_all_who_claim_one_call_one_gets_the_lease(store: DynamoDbCalls) -> None:
    calls = Calls(store, FakeClock(), Deadlines(600, 600, 600, 600, 600))

    def claim(worker: int) -> Action:
        attempt = Attempt(f"worker-{worker}", FakeClock().now + 60, FakeClock().now)
        seen = Call(external_conversation_id="claimed")
        return calls.update(seen, lambda call: call_ended(call, CallEnd.WITH_TRANSCRIPT, FACTS, None, attempt)).action

    with ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(claim, range(WORKERS)))
    assert sorted(results) == sorted([Action.SUBMIT] + [Action.WAIT] * (WORKERS - 1))
    assert store.get("claimed").state is ConversationState.SUBMITTING


def test_no_update_is_lost(store: DynamoDbCalls) -> None:
    rounds = 10

    def count(_: int) -> None:
        for _ in range(rounds):
            seen = store.get("counted")
            while True:
                try:
                    store.save(seen, replace(seen, sweeps=seen.sweeps + 1))
                    break
                except ConflictError as conflict:
                    seen = conflict.current

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(count, range(WORKERS)))
    assert (store.get("counted").sweeps, store.get("counted").revision) == (WORKERS * rounds,) * 2
