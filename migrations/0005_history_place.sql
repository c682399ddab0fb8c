-- depends: 0004_replay

-- Where partitions were added, versions of an avtale come from two of them, and their offsets may be equal.

ALTER TABLE avtale_historikk
DROP CONSTRAINT IF EXISTS avtale_historikk_pkey,
ADD PRIMARY KEY (avtale_id, generation, kafka_offset, kafka_partition);
