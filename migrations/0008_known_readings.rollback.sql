DROP TRIGGER IF EXISTS avtale_touched ON avtale;

DROP FUNCTION IF EXISTS note_touched_avtale();

DROP TABLE IF EXISTS avtale_touched;

ALTER TABLE consumer_offset DROP COLUMN IF EXISTS read_by;

ALTER TABLE consumer_offset DROP COLUMN IF EXISTS read_from;

ALTER TABLE consumer_offset DROP COLUMN IF EXISTS read_to;
