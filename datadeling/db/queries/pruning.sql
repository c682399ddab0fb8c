-- clock --
-- Return the time by the clock that stamped the rows.
SELECT now();

-- prune_failed_message --
-- Delete a bounded number of messages, handled or not, each after its own time; the other tables likewise. Of any
-- topic, since those of a topic that is no longer read would stay for ever.
DELETE FROM failed_message
WHERE (topic, generation, kafka_partition, kafka_offset) IN (
    SELECT topic, generation, kafka_partition, kafka_offset
    FROM failed_message
    WHERE state <> 'new' AND updated_at < %(handled)s
       OR state = 'new' AND created_at < %(unhandled)s
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
);

-- count_prunable_failed_message --
-- Count the messages that prune_failed_message would delete in the end.
SELECT count(*)
FROM failed_message
WHERE state <> 'new' AND updated_at < %(handled)s
   OR state = 'new' AND created_at < %(unhandled)s;

-- prune_avtale_historikk --
-- Delete old versions, the oldest first, so that the index is used however outdated the statistics are.
DELETE FROM avtale_historikk
WHERE (avtale_id, generation, kafka_offset, kafka_partition) IN (
    SELECT avtale_id, generation, kafka_offset, kafka_partition
    FROM avtale_historikk
    WHERE gyldig_til < %(history)s
    ORDER BY gyldig_til
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
);

-- count_prunable_avtale_historikk --
-- Count the versions that prune_avtale_historikk would delete in the end.
SELECT count(*) FROM avtale_historikk WHERE gyldig_til < %(history)s;

-- claims_pruned_history --
-- Return true if there is history to delete from a time for which the topic still claims complete history.
SELECT (SELECT min(gyldig_til) FROM avtale_historikk) < %(history)s
   AND EXISTS (SELECT FROM consumer_offset WHERE topic = %(topic)s AND historikk_fra < %(history)s);

-- move_historikk_fra --
-- Move the beginning of complete history, only ever forward.
UPDATE consumer_offset
SET historikk_fra = %(history)s
WHERE topic = %(topic)s AND historikk_fra < %(history)s;

-- prune_operator_log --
-- Delete old records, but not of an erasure whose marker exists: the record shows that the marker was set by hand, and
-- must be carried over to a topic that is read again (erased_by_hand).
DELETE FROM operator_log
WHERE id IN (
    SELECT id
    FROM operator_log
    WHERE tidspunkt < %(operator_log)s
      AND NOT (
          command = 'delete'
          AND EXISTS (SELECT FROM avtale_slettet WHERE avtale_slettet.avtale_id::text = operator_log.target)
      )
    ORDER BY id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
);

-- count_prunable_operator_log --
-- Count the records that prune_operator_log would delete in the end.
SELECT count(*)
FROM operator_log
WHERE tidspunkt < %(operator_log)s
  AND NOT (
      command = 'delete'
      AND EXISTS (SELECT FROM avtale_slettet WHERE avtale_slettet.avtale_id::text = operator_log.target)
  );

-- prune_replay_job --
-- Delete old replays with their partitions, also those that were neither ended nor resumed for so long.
DELETE FROM replay_job
WHERE id IN (
    SELECT id
    FROM replay_job
    WHERE coalesce(finished_at, started_at, requested_at) < %(replay_jobs)s
    ORDER BY id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
);

-- count_prunable_replay_job --
-- Count the replays that prune_replay_job would delete in the end.
SELECT count(*) FROM replay_job WHERE coalesce(finished_at, started_at, requested_at) < %(replay_jobs)s;
