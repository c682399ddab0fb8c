DROP INDEX IF EXISTS avtale_opprettet;

DROP TABLE IF EXISTS lookup_log;
