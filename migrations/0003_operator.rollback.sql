DROP TABLE IF EXISTS operator_log;

DROP TABLE IF EXISTS earlier_generation;

ALTER TABLE consumer_offset DROP COLUMN IF EXISTS topic_id;
