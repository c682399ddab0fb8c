-- list_failed --
-- Return parked messages without their values. A state or reason of null matches any.
SELECT concat_ws(':', generation, kafka_partition, kafka_offset) AS id,
       generation, kafka_partition, kafka_offset, state, reason, message, attempts, key,
       octet_length(value) AS value_bytes, hendelse_tidspunkt, created_at, updated_at
FROM failed_message
WHERE topic = %(topic)s
  AND (%(state)s::text IS NULL OR state = %(state)s)
  AND (%(reason)s::text IS NULL OR reason = %(reason)s)
ORDER BY generation, kafka_partition, kafka_offset
LIMIT %(limit)s;

-- select_failed --
-- Return one parked message with its value.
SELECT concat_ws(':', generation, kafka_partition, kafka_offset) AS id,
       generation, kafka_partition, kafka_offset, state, reason, message, attempts, key,
       octet_length(value) AS value_bytes, hendelse_tidspunkt, created_at, updated_at, value
FROM failed_message
WHERE topic = %(topic)s
  AND generation = %(generation)s
  AND kafka_partition = %(partition)s
  AND kafka_offset = %(offset)s;

-- discard_failed --
-- Discard a parked message and its value, unless it was resolved or discarded before.
UPDATE failed_message
SET state = 'discarded', value = NULL, updated_at = now()
WHERE topic = %(topic)s
  AND generation = %(generation)s
  AND kafka_partition = %(partition)s
  AND kafka_offset = %(offset)s
  AND state IN ('new', 'superseded');

-- partitions_with_failed --
-- Return the partitions with messages that can be retried.
SELECT DISTINCT kafka_partition
FROM failed_message
WHERE topic = %(topic)s AND state IN ('new', 'superseded')
ORDER BY kafka_partition;

-- erase_failed --
-- Delete every parked message that names the avtale in its key or in its value.
DELETE FROM failed_message
WHERE topic = %(topic)s
  AND (key = convert_to(%(avtale_id)s::text, 'UTF8')
       OR position(convert_to(%(avtale_id)s::text, 'UTF8') IN value) > 0);

-- list_offsets --
-- Return the positions of all partitions.
SELECT kafka_partition AS partition, generation, next_offset, unreadable_in_a_row, topic_id, historikk_fra, updated_at
FROM consumer_offset
WHERE topic = %(topic)s
ORDER BY kafka_partition;

-- keep_generation --
-- Record the end of the present generation, where the next one goes on with the same offsets.
INSERT INTO earlier_generation (topic, kafka_partition, generation, end_offset)
SELECT topic, kafka_partition, generation, next_offset
FROM consumer_offset
WHERE topic = %(topic)s;

-- shorten_generations --
-- End earlier generations where the partition will be read again.
UPDATE earlier_generation
SET end_offset = %(next_offset)s
WHERE topic = %(topic)s AND kafka_partition = %(partition)s AND end_offset > %(next_offset)s;

-- forget_generations --
-- Delete the ends of earlier generations, which mean nothing when offsets begin anew.
DELETE FROM earlier_generation WHERE topic = %(topic)s;

-- raise_generation --
-- Begin the next generation on all partitions.
UPDATE consumer_offset
SET generation = (SELECT max(generation) + 1 FROM consumer_offset WHERE topic = %(topic)s),
    unreadable_in_a_row = 0,
    topic_id = NULL,
    updated_at = now()
WHERE topic = %(topic)s;

-- move_offset --
-- Set the next offset of a partition.
UPDATE consumer_offset
SET next_offset = %(next_offset)s
WHERE topic = %(topic)s AND kafka_partition = %(partition)s;

-- locate_avtale --
-- Return the place of the newest message of an avtale that left a trace in any table.
SELECT generation, kafka_partition, kafka_offset
FROM (
    SELECT generation, kafka_partition, kafka_offset FROM avtale WHERE avtale_id = %(avtale_id)s::text::uuid
    UNION ALL
    SELECT generation, kafka_partition, kafka_offset
    FROM avtale_historikk
    WHERE avtale_id = %(avtale_id)s::text::uuid
    UNION ALL
    SELECT generation, kafka_partition, kafka_offset
    FROM avtale_slettet
    WHERE avtale_id = %(avtale_id)s::text::uuid
    UNION ALL
    SELECT generation, kafka_partition, kafka_offset
    FROM failed_message
    WHERE topic = %(topic)s AND key = convert_to(%(avtale_id)s::text, 'UTF8')
) AS places
ORDER BY generation DESC, kafka_offset DESC
LIMIT 1;

-- erased_by_hand --
-- Return the avtaler that an operator erased and that have not been stored since.
SELECT avtale_id::text
FROM avtale_slettet
WHERE EXISTS (
        SELECT FROM operator_log
        WHERE command = 'delete' AND target = avtale_slettet.avtale_id::text
    )
  AND NOT EXISTS (SELECT FROM avtale WHERE avtale.avtale_id = avtale_slettet.avtale_id);

-- write_operator_log --
-- Record an action of an operator.
INSERT INTO operator_log (who, command, target, reason)
VALUES (%(who)s, %(command)s, %(target)s, %(reason)s);
