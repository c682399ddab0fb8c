-- depends: 0002_consumer

-- What operators need: which topic the offsets belong to, which offsets an earlier generation had, who did what.

ALTER TABLE consumer_offset ADD COLUMN IF NOT EXISTS topic_id text;

COMMENT ON COLUMN consumer_offset.topic_id IS 'The broker''s id of the topic that next_offset belongs to; null until it has been asked';

CREATE TABLE IF NOT EXISTS earlier_generation (
    topic text NOT NULL,
    kafka_partition integer NOT NULL,
    generation integer NOT NULL,
    end_offset bigint NOT NULL,
    PRIMARY KEY (topic, kafka_partition, generation)
);

COMMENT ON TABLE earlier_generation IS 'Where a generation ended on a partition whose offsets went on: older messages keep their place';

COMMENT ON COLUMN earlier_generation.topic IS 'The topic';

COMMENT ON COLUMN earlier_generation.kafka_partition IS 'The partition';

COMMENT ON COLUMN earlier_generation.generation IS 'The generation';

COMMENT ON COLUMN earlier_generation.end_offset IS 'The first offset that does not belong to it any more';

CREATE TABLE IF NOT EXISTS operator_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tidspunkt timestamptz NOT NULL DEFAULT now(),
    who text NOT NULL,
    command text NOT NULL,
    target text NOT NULL,
    reason text
);

COMMENT ON TABLE operator_log IS 'What operators did, written in the transaction that did it. Never mirrored';

COMMENT ON COLUMN operator_log.id IS 'In the order of writing';

COMMENT ON COLUMN operator_log.tidspunkt IS 'When';

COMMENT ON COLUMN operator_log.who IS 'Who asked for it, as they said or as the operating system says';

COMMENT ON COLUMN operator_log.command IS 'Which command';

COMMENT ON COLUMN operator_log.target IS 'What it was done to: an avtaleId, the place of a failed message, a topic';

COMMENT ON COLUMN operator_log.reason IS 'Why, as they said; eleven digits in a row are masked';
