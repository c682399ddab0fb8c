COMMENT ON COLUMN consumer_offset.historikk_fra IS 'From when history is complete: the record time at the end of the log when the partition was first read';

DROP INDEX IF EXISTS avtale_historikk_gyldig_til;
