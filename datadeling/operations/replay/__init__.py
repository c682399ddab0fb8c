"""Reads the topic again beside the live consumer, by the same steps, and writes only what differs.

`reader` (Kafka, no group) → `ingest.rewrite` (decode, transform, fold, write). `plan` says what is to be
read, `runner` does it partition by partition, `background` does so inside the consumer for whoever asks.
"""
