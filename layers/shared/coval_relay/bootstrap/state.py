"""The calls' state, their other names, and the queues between the functions."""

from functools import partial

from coval_relay import observability
from coval_relay.adapters import relay_messages
from coval_relay.adapters.aliases import DynamoDbAliases
from coval_relay.adapters.dynamodb import DynamoDbCalls
from coval_relay.adapters.fragments import DynamoDbFragments
from coval_relay.bootstrap.edge import client, clock, queue
from coval_relay.domain.aliases import Parked
from coval_relay.domain.ports import Aliases, Fragments
from coval_relay.domain.protocol import Deadlines
from coval_relay.services.calls import Calls
from coval_relay.services.mailbox import HandOver, Letter, Mailbox
from coval_relay.services.names import Names
from coval_relay.settings import Settings


def calls_of(choices: Settings) -> Calls:
    deadlines = Deadlines(
        grace=choices.grace_seconds,
        transcript=choices.transcript_deadline_seconds,
        recording=choices.recording_deadline_seconds,
        audit=choices.audit_delay_seconds,
        resume=choices.resume_seconds,
        settle=choices.settle_seconds,
    )
    store = DynamoDbCalls(client("dynamodb"), choices.table_name, clock, choices.retention_days)
    return Calls(store, clock, deadlines)


def fragments_of(choices: Settings) -> Fragments:

    return DynamoDbFragments(client("dynamodb"), choices.table_name, clock, choices.retention_days)


def names_of(choices: Settings, calls: Calls) -> Names:
    return Names(
        aliases=aliases_of(choices),
        calls=calls,
        send_again=partial(send_again, choices),
        to_event=relay_messages.to_text,
        from_event=relay_messages.from_text,
        journal=observability.journal,
    )


def aliases_of(choices: Settings) -> Aliases:

    return DynamoDbAliases(
        client("dynamodb"),
        choices.table_name,
        clock,
        choices.parking_seconds,
        choices.resume_seconds,
        choices.retention_days,
    )


def send_again(choices: Settings, parked: Parked) -> None:
    urls = {
        "call_end": choices.call_end_queue_url,
        "recording": choices.recording_queue_url,
        "attach": choices.attach_queue_url,
    }
    queue().send(urls[parked.queue], parked.event)


def mailbox_of(choices: Settings) -> Mailbox:
    return Mailbox(
        call_end=_letter(choices.call_end_queue_url),
        recording=_letter(choices.recording_queue_url),
        attach=_letter(choices.attach_queue_url),
    )


def _letter(queue_url: str) -> Letter:
    def send(message: HandOver) -> None:
        queue().send(queue_url, relay_messages.to_text(message))

    return send
