"""The calls' state, their other names, and the queues between the functions."""

from functools import partial

from coval_relay.adapters.aws import queue_messages, telemetry
from coval_relay.adapters.aws.dynamodb_aliases import DynamoDbAliases
from coval_relay.adapters.aws.dynamodb_calls import DynamoDbCalls
from coval_relay.adapters.aws.dynamodb_utterances import DynamoDbUtterances
from coval_relay.domain.aliases import PendingMessage
from coval_relay.domain.lifecycle import Deadlines
from coval_relay.domain.ports import Aliases, UtteranceStore
from coval_relay.entrypoints.lambda_handler import client, clock, queue
from coval_relay.services.alias_resolver import AliasResolver
from coval_relay.services.calls import Calls
from coval_relay.services.queues import InternalMessage, Queues, SendMessage
from coval_relay.settings import Settings


def calls_of(options: Settings) -> Calls:
    deadlines = Deadlines(
        grace=options.grace_seconds,
        transcript=options.transcript_deadline_seconds,
        recording=options.recording_deadline_seconds,
        audit=options.audit_delay_seconds,
        resume=options.resume_seconds,
        update=options.settling_seconds,
    )
    store = DynamoDbCalls(client("dynamodb"), options.table_name, clock, options.retention_days)
    return Calls(store, clock, deadlines)


def utterances_of(options: Settings) -> UtteranceStore:

    return DynamoDbUtterances(client("dynamodb"), options.table_name, clock, options.retention_days)


def resolver_of(options: Settings, calls: Calls) -> AliasResolver:
    return AliasResolver(
        aliases=aliases_of(options),
        calls=calls,
        send_again=partial(send_again, options),
        to_event=queue_messages.to_text,
        from_event=queue_messages.from_text,
        telemetry=telemetry.report,
    )


def aliases_of(options: Settings) -> Aliases:

    return DynamoDbAliases(
        client("dynamodb"),
        options.table_name,
        clock,
        options.pending_seconds,
        options.resume_seconds,
        options.retention_days,
    )


def send_again(options: Settings, pending: PendingMessage) -> None:
    urls = {
        "call_end": options.call_end_queue_url,
        "recording": options.recording_queue_url,
        "attach": options.attach_queue_url,
    }
    queue().send(urls[pending.queue], pending.event)


def queues_of(options: Settings) -> Queues:
    return Queues(
        call_end=_sender(options.call_end_queue_url),
        recording=_sender(options.recording_queue_url),
        attach=_sender(options.attach_queue_url),
    )


def _sender(queue_url: str) -> SendMessage:
    def send(message: InternalMessage) -> None:
        queue().send(queue_url, queue_messages.to_text(message))

    return send
