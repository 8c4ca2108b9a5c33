"""All borders of the relay."""

from typing import Final

from tests.fuzz import answers, deliveries, documents, sounds
from tests.fuzz.border import Border
from tests.fuzz.mutating import mutated_json, mutated_text

BORDERS: Final = (
    Border(
        name="deliveries",
        seeds=deliveries.shapes,
        mutated=mutated_json,
        judge=deliveries.judged_delivery,
        share=180,
    ),
    Border(
        name="events",
        seeds=deliveries.samples,
        mutated=deliveries.mutated_event,
        judge=deliveries.judged_event,
        share=220,
    ),
    Border(
        name="relay-messages",
        seeds=deliveries.relay_samples,
        mutated=deliveries.mutated_event,
        judge=deliveries.judged_event,
        share=40,
    ),
    Border(
        name="parked-texts",
        seeds=deliveries.relay_samples,
        mutated=mutated_text,
        judge=documents.judged_relay_text,
        share=40,
    ),
    Border(
        name="transcripts",
        seeds=documents.transcripts,
        mutated=mutated_text,
        judge=documents.judged_transcript,
        share=100,
    ),
    Border(
        name="sidecars",
        seeds=documents.sidecars,
        mutated=mutated_json,
        judge=documents.judged_sidecar,
        share=40,
    ),
    Border(
        name="key-rules",
        seeds=documents.key_rules,
        mutated=mutated_text,
        judge=documents.judged_key_rules,
        share=50,
    ),
    Border(
        name="credentials",
        seeds=documents.credentials,
        mutated=mutated_text,
        judge=documents.judged_credentials,
        share=30,
    ),
    Border(
        name="api-key", seeds=documents.secrets, mutated=mutated_text, judge=documents.judged_secret, share=30
    ),
    Border(name="items", seeds=documents.items, mutated=mutated_json, judge=documents.judged_item, share=60),
    Border(
        name="coval",
        seeds=answers.answers,
        mutated=answers.mutated_answer,
        judge=answers.judged_answer,
        share=120,
    ),
    Border(
        name="audio-heads",
        seeds=sounds.heads,
        mutated=sounds.mutated_sound,
        judge=sounds.judged_head,
        share=80,
    ),
    Border(
        name="conversion",
        seeds=sounds.whole_files,
        mutated=sounds.mutated_sound,
        judge=sounds.judged_conversion,
        share=10,
        seconds=120.0,
    ),
)
