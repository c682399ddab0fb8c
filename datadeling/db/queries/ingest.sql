-- lock_partition --
-- Whoever writes avtaler of a partition holds this until the transaction ends. Take partitions in ascending
-- order, and read what you decide by in later statements.
SELECT pg_advisory_xact_lock(hashtextextended('datadeling:' || %(topic)s, %(partition)s));

-- insert_offset --
-- A partition that we have never read begins at its low watermark, in the generation that the topic is in: a
-- partition that was added later must not count as older. Leaves a known one as it is.
INSERT INTO consumer_offset (topic, kafka_partition, generation, next_offset, historikk_fra)
SELECT %(topic)s, %(partition)s, coalesce(max(generation), 0), %(next_offset)s, %(historikk_fra)s
FROM consumer_offset
WHERE topic = %(topic)s
ON CONFLICT DO NOTHING;

-- select_offset --
SELECT generation, next_offset, unreadable_in_a_row
FROM consumer_offset
WHERE topic = %(topic)s AND kafka_partition = %(partition)s;

-- select_offsets --
SELECT kafka_partition, generation, next_offset, unreadable_in_a_row
FROM consumer_offset
WHERE topic = %(topic)s;

-- recognise_topic --
-- The first to ask says which topic the offsets belong to: those of a partition that is found later, too.
UPDATE consumer_offset
SET topic_id = %(topic_id)s
WHERE topic = %(topic)s
  AND kafka_partition = %(partition)s
  AND topic_id IS NULL
  AND NOT EXISTS (
        SELECT FROM consumer_offset AS other
        WHERE other.topic = %(topic)s AND other.topic_id <> %(topic_id)s
    );

-- select_topic_id --
SELECT topic_id FROM consumer_offset WHERE topic = %(topic)s AND kafka_partition = %(partition)s;

-- select_earlier_generations --
SELECT kafka_partition, generation, end_offset
FROM earlier_generation
WHERE topic = %(topic)s
ORDER BY kafka_partition, generation;

-- advance_offset --
-- Compare and set: no row when another consumer, or an operator, has moved on from "from".
UPDATE consumer_offset
SET next_offset = %(to)s,
    unreadable_in_a_row = %(unreadable_in_a_row)s,
    updated_at = now()
WHERE topic = %(topic)s
  AND kafka_partition = %(partition)s
  AND generation = %(generation)s
  AND next_offset = %(from)s;

-- select_avtaler --
-- What the fold has to know of the avtaler that a batch is about.
SELECT {columns} FROM avtale WHERE avtale_id = ANY (%(ids)s::uuid[]);

-- select_history --
-- What it has to know, too, of those that a later generation tells again, or whose row is gone.
SELECT {columns}, gyldig_fra, gyldig_til FROM avtale_historikk WHERE avtale_id = ANY (%(ids)s::uuid[]);

-- select_markers --
SELECT avtale_id::text, generation, kafka_partition, kafka_offset
FROM avtale_slettet
WHERE avtale_id = ANY (%(ids)s::uuid[]);

-- delete_avtaler --
-- What a tombstone erases is what stands at or before its place.
DELETE FROM avtale
USING unnest(%(ids)s::uuid[], %(generations)s::integer[], %(offsets)s::bigint[])
    AS slettet (avtale_id, generation, kafka_offset)
WHERE avtale.avtale_id = slettet.avtale_id
  AND (avtale.generation, avtale.kafka_offset) <= (slettet.generation, slettet.kafka_offset);

-- delete_historikk --
DELETE FROM avtale_historikk
USING unnest(%(ids)s::uuid[], %(generations)s::integer[], %(offsets)s::bigint[])
    AS slettet (avtale_id, generation, kafka_offset)
WHERE avtale_historikk.avtale_id = slettet.avtale_id
  AND (avtale_historikk.generation, avtale_historikk.kafka_offset)
   <= (slettet.generation, slettet.kafka_offset);

-- upsert_markers --
-- A marker is never removed, only moved forward.
INSERT INTO avtale_slettet AS lagret
    (avtale_id, generation, kafka_partition, kafka_offset, slettet_tidspunkt)
SELECT slettet.*, now()
FROM unnest(%(ids)s::uuid[], %(generations)s::integer[], %(partitions)s::integer[], %(offsets)s::bigint[])
    AS slettet
ON CONFLICT (avtale_id) DO UPDATE
SET generation = excluded.generation,
    kafka_partition = excluded.kafka_partition,
    kafka_offset = excluded.kafka_offset,
    slettet_tidspunkt = excluded.slettet_tidspunkt
WHERE (lagret.generation, lagret.kafka_offset) < (excluded.generation, excluded.kafka_offset);

-- copy_new --
COPY avtale ({columns}) FROM STDIN (FORMAT BINARY);

-- copy_history --
COPY avtale_historikk ({columns}, gyldig_fra, gyldig_til) FROM STDIN (FORMAT BINARY);

-- create_changed --
-- Kept for the session, emptied by every commit.
CREATE TEMPORARY TABLE IF NOT EXISTS endret_avtale (LIKE avtale) ON COMMIT DELETE ROWS;

-- copy_changed --
COPY endret_avtale ({columns}) FROM STDIN (FORMAT BINARY);

-- update_changed --
-- The fold has decided already, under the partition's lock: every row of endret_avtale is to be written.
UPDATE avtale SET ({columns}) = ROW ({changed_columns})
FROM endret_avtale
WHERE avtale.avtale_id = endret_avtale.avtale_id;

-- slot_lags --
-- Bytes of WAL that who reads a slot has not confirmed yet; the database holds them back for it.
SELECT slot_name, pg_wal_lsn_diff(pg_current_wal_lsn(), coalesce(confirmed_flush_lsn, restart_lsn))::bigint
FROM pg_replication_slots
WHERE coalesce(confirmed_flush_lsn, restart_lsn) IS NOT NULL;
