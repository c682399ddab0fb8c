ALTER TABLE avtale_historikk
DROP CONSTRAINT IF EXISTS avtale_historikk_pkey,
ADD PRIMARY KEY (avtale_id, generation, kafka_offset);
