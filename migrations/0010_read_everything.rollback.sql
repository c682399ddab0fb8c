CREATE TABLE IF NOT EXISTS avtale_touched (
    avtale_id uuid PRIMARY KEY,
    tidspunkt timestamptz NOT NULL DEFAULT now(),
    touched_by text NOT NULL DEFAULT session_user
);

COMMENT ON TABLE avtale_touched IS 'Rows of avtale that were added or changed by hand, until a replay has read their message again. Nothing personal';

COMMENT ON COLUMN avtale_touched.avtale_id IS 'The avtale';

COMMENT ON COLUMN avtale_touched.tidspunkt IS 'When it was touched first';

COMMENT ON COLUMN avtale_touched.touched_by IS 'The database user that did so';

-- With the rights of the owner: whoever may change a row need not be allowed to write here.
CREATE OR REPLACE FUNCTION note_touched_avtale() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO avtale_touched (avtale_id) VALUES (NEW.avtale_id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION note_touched_avtale() IS 'Notes that a row of avtale has been written by somebody else than datadeling';

-- Our own sessions say that they are ours when they connect.
CREATE OR REPLACE TRIGGER avtale_touched AFTER INSERT OR UPDATE ON avtale
FOR EACH ROW WHEN (current_setting('datadeling.writer', true) IS DISTINCT FROM 'on')
EXECUTE FUNCTION note_touched_avtale();
