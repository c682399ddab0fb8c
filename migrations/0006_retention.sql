-- depends: 0005_history_place

-- What retention needs: superseded versions by age, and what it does to the beginning of history.

-- A btree, though a BRIN index is smaller: its ranges never narrow, so rows that fill the room of pruned ones
-- make it worth less each year. Figures in adr/0014. The other tables that are pruned are small.
CREATE INDEX IF NOT EXISTS avtale_historikk_gyldig_til ON avtale_historikk (gyldig_til);

COMMENT ON COLUMN consumer_offset.historikk_fra IS 'From when history is complete: the record time at the end of the log when the partition was first read, or later: versions that ended before it have been pruned';
