-- lock_partition --
-- Every writer of avtaler of a partition holds this lock until its transaction ends. Lock partitions in ascending
-- order, and read the rows in later statements, so that they are seen as of after the lock.
SELECT pg_advisory_xact_lock(hashtextextended('datadeling:' || %(topic)s, %(partition)s));

-- insert_offset --
-- A partition that has never been read begins at its low watermark, in the topic's present generation: messages
-- of a partition that was added later must not count as older. An existing row stays as it is.
INSERT INTO consumer_offset (topic, kafka_partition, generation, next_offset, historikk_fra)
SELECT %(topic)s, %(partition)s, coalesce(max(generation), 0), %(next_offset)s, %(historikk_fra)s
FROM consumer_offset
WHERE topic = %(topic)s
ON CONFLICT DO NOTHING;

-- select_offsets --
SELECT kafka_partition, generation, next_offset, unreadable_in_a_row
FROM consumer_offset
WHERE topic = %(topic)s;

-- recognise_topic --
-- The first call stores the id of the topic, which holds for partitions that are added later, too.
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
-- Compare and set: no row when another consumer, or an operator, has moved on from "start".
UPDATE consumer_offset
SET next_offset = %(end)s,
    unreadable_in_a_row = %(unreadable_in_a_row)s,
    updated_at = now()
WHERE topic = %(topic)s
  AND kafka_partition = %(partition)s
  AND generation = %(generation)s
  AND next_offset = %(start)s;

-- select_avtaler --
-- The rows that a batch is compared with.
SELECT {columns} FROM avtale WHERE avtale_id = ANY (%(ids)s::uuid[]);

-- select_history --
-- For avtaler that a later generation repeats, or whose row is gone.
SELECT {columns}, gyldig_fra, gyldig_til FROM avtale_historikk WHERE avtale_id = ANY (%(ids)s::uuid[]);

-- select_markers --
SELECT avtale_id::text, generation, kafka_partition, kafka_offset
FROM avtale_slettet
WHERE avtale_id = ANY (%(ids)s::uuid[]);

-- delete_avtaler --
-- A tombstone deletes the versions at or before its place.
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
-- The fold has decided, under the partition's lock, that every row of endret_avtale differs.
UPDATE avtale SET ({columns}) = ROW ({changed_columns})
FROM endret_avtale
WHERE avtale.avtale_id = endret_avtale.avtale_id;

-- slot_lags --
-- Bytes of WAL that the slot's reader has not confirmed, and that the server therefore keeps.
SELECT slot_name, pg_wal_lsn_diff(pg_current_wal_lsn(), coalesce(confirmed_flush_lsn, restart_lsn))::bigint
FROM pg_replication_slots
WHERE coalesce(confirmed_flush_lsn, restart_lsn) IS NOT NULL;
