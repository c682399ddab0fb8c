-- clock --
-- The rows were stamped by this clock, and their age is told by it.
SELECT now();

-- prune_failed_message --
-- A bounded part, as of every table: handled or outdated ones, and those that nobody handled. Of any topic: of
-- one that is read no longer they would stay for ever.
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
SELECT count(*)
FROM failed_message
WHERE state <> 'new' AND updated_at < %(handled)s
   OR state = 'new' AND created_at < %(unhandled)s;

-- prune_avtale_historikk --
-- Oldest first, so that the index is used however outdated the statistics are.
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
SELECT count(*) FROM avtale_historikk WHERE gyldig_til < %(history)s;

-- claims_pruned_history --
-- Whether there is history to prune of a time for which the topic still claims to have all.
SELECT (SELECT min(gyldig_til) FROM avtale_historikk) < %(history)s
   AND EXISTS (SELECT FROM consumer_offset WHERE topic = %(topic)s AND historikk_fra < %(history)s);

-- move_historikk_fra --
-- Only ever forward.
UPDATE consumer_offset
SET historikk_fra = %(history)s
WHERE topic = %(topic)s AND historikk_fra < %(history)s;

-- prune_operator_log --
-- Not the record of an erasure whose marker is there: it tells that the marker was set by hand, and must be
-- carried to a topic that is read again (erased_by_hand).
DELETE FROM operator_log
WHERE id IN (
    SELECT id
    FROM operator_log
    WHERE tidspunkt < %(operator_log)s
      AND NOT (
          command = %(erasure)s
          AND EXISTS (SELECT FROM avtale_slettet WHERE avtale_slettet.avtale_id::text = operator_log.target)
      )
    ORDER BY id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
);

-- count_prunable_operator_log --
SELECT count(*)
FROM operator_log
WHERE tidspunkt < %(operator_log)s
  AND NOT (
      command = %(erasure)s
      AND EXISTS (SELECT FROM avtale_slettet WHERE avtale_slettet.avtale_id::text = operator_log.target)
  );

-- prune_replay_job --
-- Its partitions go with it. One that was neither ended nor resumed for so long is over, too.
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
SELECT count(*) FROM replay_job WHERE coalesce(finished_at, started_at, requested_at) < %(replay_jobs)s;
