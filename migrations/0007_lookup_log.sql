-- depends: 0006_retention

-- Who looked up what, and what pages of all avtaler go by.

CREATE TABLE IF NOT EXISTS lookup_log (
    tidspunkt timestamptz NOT NULL DEFAULT now(),
    call_id text NOT NULL,
    consumer text NOT NULL,
    consumer_name text,
    nav_ident text,
    behandlingsnummer text[] NOT NULL,
    endpoint text NOT NULL,
    criteria text[] NOT NULL,
    felter text[] NOT NULL,
    personer text[] NOT NULL,
    hits integer NOT NULL
) PARTITION BY RANGE (tidspunkt);

COMMENT ON TABLE lookup_log IS 'One record for each lookup, written by the statement that read; a partition for each month in Oslo. Personal data. Never mirrored';

COMMENT ON COLUMN lookup_log.tidspunkt IS 'When it was looked up';

COMMENT ON COLUMN lookup_log.call_id IS 'The id of the call, as in the log and in the answer';

COMMENT ON COLUMN lookup_log.consumer IS 'Who asked: the id of the client (azp)';

COMMENT ON COLUMN lookup_log.consumer_name IS 'The name of the client at the time (azp_name); not unique';

COMMENT ON COLUMN lookup_log.nav_ident IS 'The user on whose behalf the client asked. Personal data';

COMMENT ON COLUMN lookup_log.behandlingsnummer IS 'The purposes that the client stated; none over GraphQL is possible';

COMMENT ON COLUMN lookup_log.endpoint IS 'Which call: method and route';

COMMENT ON COLUMN lookup_log.criteria IS 'The kinds of criteria that the lookup was made with';

COMMENT ON COLUMN lookup_log.felter IS 'The fields that were read';

COMMENT ON COLUMN lookup_log.personer IS 'The numbers that were looked up; those of the answer when no person was asked for. Personal data';

COMMENT ON COLUMN lookup_log.hits IS 'How many avtaler, or versions of one, the answer holds';

CREATE INDEX IF NOT EXISTS avtale_opprettet ON avtale (opprettet_tidspunkt, avtale_id);
