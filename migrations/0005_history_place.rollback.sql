CREATE UNIQUE INDEX IF NOT EXISTS avtale_historikk_offset
ON avtale_historikk (avtale_id, generation, kafka_offset);

ALTER TABLE avtale_historikk
DROP CONSTRAINT IF EXISTS avtale_historikk_pkey,
ADD CONSTRAINT avtale_historikk_pkey PRIMARY KEY USING INDEX avtale_historikk_offset;
