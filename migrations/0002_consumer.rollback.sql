DROP TABLE IF EXISTS failed_message;

DROP TABLE IF EXISTS consumer_offset;
