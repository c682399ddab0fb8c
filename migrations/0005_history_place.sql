-- depends: 0004_replay

-- Where partitions were added, versions of an avtale come from two of them, and their offsets may be equal.

-- The index first: readers go on while it is made, which they could not in the statement that makes it the key.
CREATE UNIQUE INDEX IF NOT EXISTS avtale_historikk_place
ON avtale_historikk (avtale_id, generation, kafka_offset, kafka_partition);

ALTER TABLE avtale_historikk
DROP CONSTRAINT IF EXISTS avtale_historikk_pkey,
ADD CONSTRAINT avtale_historikk_pkey PRIMARY KEY USING INDEX avtale_historikk_place;
