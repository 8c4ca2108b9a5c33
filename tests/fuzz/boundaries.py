"""All boundaries of the relay."""

from typing import Final

from tests.fuzz import audio, coval_responses, deliveries, documents, webhooks
from tests.fuzz.boundary import Boundary
from tests.fuzz.mutation import mutated_json, mutated_text

BOUNDARIES: Final = (
    Boundary(
        name="deliveries",
        seeds=deliveries.shapes,
        mutated=mutated_json,
        judge=deliveries.judged_delivery,
        share=180,
    ),
    Boundary(
        name="events",
        seeds=deliveries.samples,
        mutated=deliveries.mutated_event,
        judge=deliveries.judged_event,
        share=220,
    ),
    Boundary(
        name="relay-messages",
        seeds=deliveries.relay_samples,
        mutated=deliveries.mutated_event,
        judge=deliveries.judged_event,
        share=40,
    ),
    Boundary(
        name="webhooks",
        seeds=webhooks.requests,
        mutated=webhooks.mutated_request,
        judge=webhooks.judged_request,
        share=100,
    ),
    Boundary(
        name="webhook-messages",
        seeds=webhooks.messages,
        mutated=mutated_json,
        judge=webhooks.judged_message,
        share=60,
    ),
    Boundary(
        name="pending-texts",
        seeds=deliveries.relay_samples,
        mutated=mutated_text,
        judge=documents.judged_relay_text,
        share=40,
    ),
    Boundary(
        name="transcripts",
        seeds=documents.transcripts,
        mutated=mutated_text,
        judge=documents.judged_transcript,
        share=100,
    ),
    Boundary(
        name="sidecars",
        seeds=documents.sidecars,
        mutated=mutated_json,
        judge=documents.judged_sidecar,
        share=40,
    ),
    Boundary(
        name="configuration",
        seeds=documents.configurations,
        mutated=mutated_text,
        judge=documents.judged_configuration,
        share=50,
    ),
    Boundary(
        name="credentials",
        seeds=documents.credentials,
        mutated=mutated_text,
        judge=documents.judged_credentials,
        share=30,
    ),
    Boundary(name="api-key", seeds=documents.secrets, mutated=mutated_text, judge=documents.judged_secret, share=30),
    Boundary(name="items", seeds=documents.items, mutated=mutated_json, judge=documents.judged_item, share=60),
    Boundary(
        name="coval",
        seeds=coval_responses.answers,
        mutated=coval_responses.mutated_answer,
        judge=coval_responses.judged_answer,
        share=120,
    ),
    Boundary(
        name="audio-heads",
        seeds=audio.heads,
        mutated=audio.mutated_sound,
        judge=audio.judged_head,
        share=80,
    ),
    Boundary(
        name="conversion",
        seeds=audio.whole_files,
        mutated=audio.mutated_sound,
        judge=audio.judged_conversion,
        share=10,
        seconds=120.0,
    ),
)
