-- lock_replays --
-- Held while a replay begins and checks for others of the same range.
SELECT pg_advisory_xact_lock(hashtextextended('datadeling replay:' || %(topic)s, 0));

-- take_replay --
-- For as long as the session lasts. By two numbers, so that pg_locks shows which replay it is.
SELECT pg_try_advisory_lock(%(space)s, %(id)s::integer);

-- insert_replay --
INSERT INTO replay_job (topic, state, background, from_offsets, from_time, to_offsets, to_time, avtale_id,
                        rate, requested_by, reason)
VALUES (%(topic)s, %(state)s, %(background)s, %(from_offsets)s, %(from_time)s, %(to_offsets)s, %(to_time)s,
        %(avtale_id)s::text::uuid, %(rate)s, %(requested_by)s, %(reason)s)
RETURNING id;

-- select_replays --
-- The newest first; an id or states of null are any. "held" while a process runs it.
SELECT id, topic, state, background, from_offsets, from_time, to_offsets, to_time, avtale_id::text, rate,
       requested_by, reason, requested_at, started_at, finished_at, error,
       EXISTS (
           SELECT FROM pg_locks
           WHERE locktype = 'advisory' AND classid = %(space)s::integer::oid AND objid::bigint = replay_job.id
             AND objsubid = 2
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       ) AS held
FROM replay_job
WHERE topic = %(topic)s
  AND (%(id)s::bigint IS NULL OR id = %(id)s)
  AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s))
ORDER BY id DESC
LIMIT %(limit)s;

-- waiting_replays --
-- What a consumer may run: requested, or begun by a process that may be gone.
SELECT id
FROM replay_job
WHERE topic = %(topic)s AND background AND state IN ('requested', 'running')
ORDER BY id;

-- replays_of_the_range --
-- Other running replays that read some of the same messages.
SELECT DISTINCT other.id
FROM replay_job AS other
JOIN replay_job_partition AS theirs ON theirs.job_id = other.id
JOIN unnest(%(partitions)s::integer[], %(froms)s::bigint[], %(tos)s::bigint[])
    AS ours (kafka_partition, from_offset, to_offset) USING (kafka_partition)
WHERE other.topic = %(topic)s
  AND other.id <> %(id)s
  AND other.state = 'running'
  AND other.avtale_id IS NOT DISTINCT FROM %(avtale_id)s::text::uuid
  AND theirs.next_offset < ours.to_offset AND ours.from_offset < theirs.to_offset
ORDER BY other.id;

-- select_replay_partitions --
SELECT kafka_partition, generation, from_offset, next_offset, to_offset, events, tally, updated_at
FROM replay_job_partition
WHERE job_id = %(id)s
ORDER BY kafka_partition;

-- insert_replay_partition --
INSERT INTO replay_job_partition (job_id, kafka_partition, generation, from_offset, next_offset, to_offset)
VALUES (%(id)s, %(partition)s, %(generation)s, %(from)s, %(from)s, %(to)s);

-- begin_replay --
-- Not one that is done or was cancelled.
UPDATE replay_job
SET state = 'running', started_at = coalesce(started_at, now()), finished_at = NULL, error = NULL
WHERE id = %(id)s AND state NOT IN ('done', 'cancelled');

-- advance_replay --
-- Compare and set. No row when another process has moved it, when it was cancelled, or when a new generation has
-- begun since.
UPDATE replay_job_partition
SET next_offset = %(to)s, events = events + %(events)s, tally = %(tally)s, updated_at = now()
WHERE job_id = %(id)s
  AND kafka_partition = %(partition)s
  AND next_offset = %(from)s
  AND EXISTS (SELECT FROM replay_job WHERE id = %(id)s AND state = 'running')
  AND EXISTS (
      SELECT FROM consumer_offset
      WHERE topic = %(topic)s
        AND consumer_offset.kafka_partition = replay_job_partition.kafka_partition
        AND consumer_offset.generation = replay_job_partition.generation
  );

-- end_replay --
UPDATE replay_job
SET state = %(state)s, finished_at = now(), error = %(error)s
WHERE id = %(id)s AND state NOT IN ('done', 'cancelled');

-- cancel_replay --
UPDATE replay_job
SET state = 'cancelled', finished_at = now()
WHERE topic = %(topic)s AND id = %(id)s AND state IN ('requested', 'running', 'stopped', 'failed');
