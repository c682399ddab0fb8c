-- page_of_avtaler --
-- Rows in the order of their ids, from this id on. Ordered by the column of the table, which has an index: the bare
-- name would be the text in the result.
SELECT {columns}
FROM avtale
WHERE avtale_id >= %(start)s::text::uuid
ORDER BY avtale.avtale_id
LIMIT %(limit)s;

-- page_of_markers --
SELECT avtale_id::text, generation, kafka_partition, kafka_offset
FROM avtale_slettet
WHERE avtale_id >= %(start)s::text::uuid
ORDER BY avtale_slettet.avtale_id
LIMIT %(limit)s;

-- parked_at --
-- Those of these places whose message is parked and has not been stored since.
SELECT failed_message.generation, failed_message.kafka_partition, failed_message.kafka_offset
FROM failed_message
JOIN unnest(%(generations)s::integer[], %(partitions)s::integer[], %(offsets)s::bigint[])
    AS ventet (generation, kafka_partition, kafka_offset)
  ON failed_message.generation = ventet.generation
 AND failed_message.kafka_partition = ventet.kafka_partition
 AND failed_message.kafka_offset = ventet.kafka_offset
WHERE failed_message.topic = %(topic)s AND failed_message.state <> 'resolved';

-- count_avtaler --
-- The planner's last estimate; -1 before the first one.
SELECT reltuples::bigint FROM pg_class WHERE oid = 'avtale'::regclass;
