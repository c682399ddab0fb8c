-- depends: 0009_room_for_updates

-- A replay reads every message again. What let it pass over some of them goes: above all a trigger on the mirrored table.
-- The columns read_by, read_from and read_to stay for now: the release before this one still writes them while it is replaced.

DROP TRIGGER IF EXISTS avtale_touched ON avtale;

DROP FUNCTION IF EXISTS note_touched_avtale();

DROP TABLE IF EXISTS avtale_touched;

COMMENT ON COLUMN consumer_offset.read_by IS 'Not used any more: to be dropped by a later release';

COMMENT ON COLUMN consumer_offset.read_from IS 'Not used any more: to be dropped by a later release';

COMMENT ON COLUMN consumer_offset.read_to IS 'Not used any more: to be dropped by a later release';
