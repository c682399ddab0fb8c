-- lock_replays --
-- Held while a replay begins and checks for others of the same range.
SELECT pg_advisory_xact_lock(hashtextextended('datadeling replay:' || %(topic)s, 0));

-- take_replay --
-- For as long as the session lasts. By two numbers, so that pg_locks shows which replay it is; the first stands for all
-- replays.
SELECT pg_try_advisory_lock(1919250540, %(id)s::integer);

-- insert_replay --
INSERT INTO replay_job (topic, state, background, from_offsets, from_time, to_offsets, to_time, avtale_id,
                        rate, requested_by, reason)
VALUES (%(topic)s, %(state)s, %(background)s, %(from_offsets)s, %(from_time)s, %(to_offsets)s, %(to_time)s,
        %(avtale_id)s::text::uuid, %(rate)s, %(requested_by)s, %(reason)s)
RETURNING id;

-- select_replays --
-- The newest first; ids, states or a limit of null are any. "held" while a process runs it.
SELECT id, topic, state, background, from_offsets, from_time, to_offsets, to_time, avtale_id::text, rate,
       requested_by, reason, requested_at, started_at, finished_at, error,
       EXISTS (
           SELECT FROM pg_locks
           WHERE locktype = 'advisory' AND classid = 1919250540 AND objid::bigint = replay_job.id
             AND objsubid = 2
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       ) AS held
FROM replay_job
WHERE topic = %(topic)s
  AND (%(ids)s::bigint[] IS NULL OR id = ANY (%(ids)s))
  AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s))
ORDER BY id DESC
LIMIT %(limit)s::bigint;

-- overlapping_replays --
-- Other running replays that read some of the same messages.
SELECT DISTINCT other.id
FROM replay_job AS own
JOIN replay_job_partition AS ours ON ours.job_id = own.id
JOIN replay_job_partition AS theirs USING (kafka_partition)
JOIN replay_job AS other ON other.id = theirs.job_id
WHERE own.id = %(id)s
  AND other.id <> own.id
  AND other.topic = own.topic
  AND other.state = 'running'
  AND other.avtale_id IS NOT DISTINCT FROM own.avtale_id
  AND theirs.next_offset < ours.to_offset AND ours.next_offset < theirs.to_offset
ORDER BY other.id;

-- select_replay_partitions --
SELECT kafka_partition, generation, from_offset, next_offset, to_offset, events, tally, updated_at
FROM replay_job_partition
WHERE job_id = %(id)s
ORDER BY kafka_partition;

-- insert_replay_partition --
INSERT INTO replay_job_partition (job_id, kafka_partition, generation, from_offset, next_offset, to_offset)
VALUES (%(id)s, %(partition)s, %(generation)s, %(from_offset)s, %(from_offset)s, %(to_offset)s);

-- begin_replay --
-- Not one that is done or was cancelled.
UPDATE replay_job
SET state = 'running', started_at = coalesce(started_at, now()), finished_at = NULL, error = NULL
WHERE id = %(id)s AND state NOT IN ('done', 'cancelled');

-- advance_replay --
-- Compare and set. No row when another process has moved it, when it was cancelled, or when a new generation has
-- begun since.
UPDATE replay_job_partition
SET next_offset = %(next_offset)s, events = %(events)s, tally = %(tally)s, updated_at = now()
WHERE job_id = %(id)s
  AND kafka_partition = %(partition)s
  AND next_offset = %(start)s
  AND EXISTS (
      SELECT FROM replay_job
      JOIN consumer_offset USING (topic)
      WHERE replay_job.id = %(id)s
        AND replay_job.state = 'running'
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
