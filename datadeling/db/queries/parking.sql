-- park --
-- A message that is parked already stays as it is: an operator may have decided about it.
INSERT INTO failed_message
    (topic, generation, kafka_partition, kafka_offset, key, value, hendelse_tidspunkt, reason, message)
VALUES
    (%(topic)s, %(generation)s, %(partition)s, %(offset)s, %(key)s, %(value)s, %(timestamp)s,
     %(reason)s, %(text)s)
ON CONFLICT DO NOTHING;

-- has_new_failed --
SELECT EXISTS (SELECT FROM failed_message WHERE topic = %(topic)s AND state = 'new');

-- supersede_failed --
-- A later message of the same key has been stored. A key mismatch says nothing about the avtale of its key.
UPDATE failed_message SET state = 'superseded', updated_at = now()
FROM unnest(%(ids)s::text[], %(generations)s::integer[], %(offsets)s::bigint[])
    AS lagret (avtale_id, generation, kafka_offset)
WHERE failed_message.topic = %(topic)s
  AND failed_message.state = 'new'
  AND failed_message.reason <> 'key_mismatch'
  AND failed_message.key = convert_to(lagret.avtale_id, 'UTF8')
  AND (failed_message.generation, failed_message.kafka_offset)
    < (lagret.generation, lagret.kafka_offset);

-- select_retryable --
-- One page in the order of the log: as many messages as fit into max_bytes, but at least one.
SELECT generation, kafka_offset, hendelse_tidspunkt, key, value
FROM (
    SELECT page.*,
           row_number() OVER log AS number,
           sum(coalesce(octet_length(value), 0) + coalesce(octet_length(key), 0)) OVER log AS bytes
    FROM (
        SELECT generation, kafka_offset, hendelse_tidspunkt, key, value
        FROM failed_message
        WHERE topic = %(topic)s
          AND kafka_partition = %(partition)s
          AND state = ANY (%(states)s)
          AND (generation, kafka_offset) > (%(generation)s, %(offset)s)
          AND (generation, kafka_offset) <= (%(last_generation)s, %(last_offset)s)
        ORDER BY generation, kafka_offset
        LIMIT %(limit)s
    ) AS page
    WINDOW log AS (ORDER BY generation, kafka_offset)
) AS measured
WHERE number = 1 OR bytes <= %(max_bytes)s
ORDER BY generation, kafka_offset;

-- resolve_failed --
-- The message has been stored: its value is not needed any more.
UPDATE failed_message
SET state = 'resolved', value = NULL, attempts = attempts + 1, updated_at = now()
FROM unnest(%(generations)s::integer[], %(offsets)s::bigint[]) AS lest (generation, kafka_offset)
WHERE failed_message.topic = %(topic)s
  AND failed_message.kafka_partition = %(partition)s
  AND failed_message.generation = lest.generation
  AND failed_message.kafka_offset = lest.kafka_offset;

-- fail_again --
UPDATE failed_message
SET attempts = attempts + 1, updated_at = now()
FROM unnest(%(generations)s::integer[], %(offsets)s::bigint[]) AS lest (generation, kafka_offset)
WHERE failed_message.topic = %(topic)s
  AND failed_message.kafka_partition = %(partition)s
  AND failed_message.generation = lest.generation
  AND failed_message.kafka_offset = lest.kafka_offset;

-- delete_failed --
-- A message whose key is not its avtaleId belongs to nobody: it stays until an operator handles it.
DELETE FROM failed_message
USING unnest(%(ids)s::text[], %(generations)s::integer[], %(offsets)s::bigint[])
    AS slettet (avtale_id, generation, kafka_offset)
WHERE failed_message.topic = %(topic)s
  AND failed_message.reason <> 'key_mismatch'
  AND failed_message.key = convert_to(slettet.avtale_id, 'UTF8')
  AND (failed_message.generation, failed_message.kafka_offset)
   <= (slettet.generation, slettet.kafka_offset);

-- count_failed --
SELECT state, count(*), extract(epoch FROM now() - min(created_at))::float8
FROM failed_message
WHERE topic = %(topic)s
GROUP BY state;
