"""All borders of the relay."""

from typing import Final

from tests.fuzz import audio, coval_responses, deliveries, documents
from tests.fuzz.boundary import BoundaryModel
from tests.fuzz.mutation import mutated_json, mutated_text

BORDERS: Final = (
    BoundaryModel(
        name="deliveries",
        seeds=deliveries.shapes,
        mutated=mutated_json,
        judge=deliveries.judged_delivery,
        share=180,
    ),
    BoundaryModel(
        name="events",
        seeds=deliveries.samples,
        mutated=deliveries.mutated_event,
        judge=deliveries.judged_event,
        share=220,
    ),
    BoundaryModel(
        name="relay-messages",
        seeds=deliveries.relay_samples,
        mutated=deliveries.mutated_event,
        judge=deliveries.judged_event,
        share=40,
    ),
    BoundaryModel(
        name="parked-texts",
        seeds=deliveries.relay_samples,
        mutated=mutated_text,
        judge=documents.judged_relay_text,
        share=40,
    ),
    BoundaryModel(
        name="transcripts",
        seeds=documents.transcripts,
        mutated=mutated_text,
        judge=documents.judged_transcript,
        share=100,
    ),
    BoundaryModel(
        name="sidecars",
        seeds=documents.sidecars,
        mutated=mutated_json,
        judge=documents.judged_sidecar,
        share=40,
    ),
    BoundaryModel(
        name="key-rules",
        seeds=documents.key_rules,
        mutated=mutated_text,
        judge=documents.judged_key_rules,
        share=50,
    ),
    BoundaryModel(
        name="credentials",
        seeds=documents.credentials,
        mutated=mutated_text,
        judge=documents.judged_credentials,
        share=30,
    ),
    BoundaryModel(
        name="api-key", seeds=documents.secrets, mutated=mutated_text, judge=documents.judged_secret, share=30
    ),
    BoundaryModel(
        name="items", seeds=documents.items, mutated=mutated_json, judge=documents.judged_item, share=60
    ),
    BoundaryModel(
        name="coval",
        seeds=coval_responses.answers,
        mutated=coval_responses.mutated_answer,
        judge=coval_responses.judged_answer,
        share=120,
    ),
    BoundaryModel(
        name="audio-heads",
        seeds=audio.heads,
        mutated=audio.mutated_sound,
        judge=audio.judged_head,
        share=80,
    ),
    BoundaryModel(
        name="conversion",
        seeds=audio.whole_files,
        mutated=audio.mutated_sound,
        judge=audio.judged_conversion,
        share=10,
        seconds=120.0,
    ),
)
