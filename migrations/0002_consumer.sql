-- depends: 0001_avtale

-- Where the consumer stands, and what it could not read.

CREATE TABLE IF NOT EXISTS consumer_offset (
    topic text NOT NULL,
    kafka_partition integer NOT NULL,
    generation integer NOT NULL DEFAULT 0,
    next_offset bigint NOT NULL,
    unreadable_in_a_row integer NOT NULL DEFAULT 0,
    historikk_fra timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, kafka_partition)
) WITH (fillfactor = 50);

COMMENT ON TABLE consumer_offset IS 'Where to read on, per partition; moved in the same transaction as the rows';

COMMENT ON COLUMN consumer_offset.topic IS 'The topic';

COMMENT ON COLUMN consumer_offset.kafka_partition IS 'The partition';

COMMENT ON COLUMN consumer_offset.generation IS 'Raised by an operator when offsets lose their meaning';

COMMENT ON COLUMN consumer_offset.next_offset IS 'The offset of the first message that has not been handled';

COMMENT ON COLUMN consumer_offset.unreadable_in_a_row IS 'How many messages, up to next_offset, could not be read';

COMMENT ON COLUMN consumer_offset.historikk_fra IS 'From when history is complete: the record time at the end of the log when the partition was first read';

COMMENT ON COLUMN consumer_offset.updated_at IS 'When the position last moved';

CREATE TABLE IF NOT EXISTS failed_message (
    topic text NOT NULL,
    generation integer NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    key bytea,
    value bytea,
    hendelse_tidspunkt timestamptz NOT NULL,
    reason text NOT NULL,
    message text NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'resolved', 'superseded', 'discarded')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, generation, kafka_partition, kafka_offset)
);

-- By hash: a key that nobody checked can be longer than an entry of a btree.
CREATE INDEX IF NOT EXISTS failed_message_key ON failed_message USING hash (key);

CREATE INDEX IF NOT EXISTS failed_message_new ON failed_message (topic, kafka_partition) WHERE state = 'new';

COMMENT ON TABLE failed_message IS 'Messages that could not be read or stored, bytes as they came, until they are handled. Never mirrored';

COMMENT ON COLUMN failed_message.topic IS 'The topic it came from';

COMMENT ON COLUMN failed_message.generation IS 'Its place: the generation';

COMMENT ON COLUMN failed_message.kafka_partition IS 'Its place: the partition';

COMMENT ON COLUMN failed_message.kafka_offset IS 'Its place: the offset';

COMMENT ON COLUMN failed_message.key IS 'The key, as it came';

COMMENT ON COLUMN failed_message.value IS 'The value, as it came; null for a tombstone, and once resolved or discarded. Personal data';

COMMENT ON COLUMN failed_message.hendelse_tidspunkt IS 'The record''s timestamp';

COMMENT ON COLUMN failed_message.reason IS 'Why, as a code';

COMMENT ON COLUMN failed_message.message IS 'Why, as a sentence that holds no value of the message';

COMMENT ON COLUMN failed_message.attempts IS 'How often it has been tried';

COMMENT ON COLUMN failed_message.state IS 'new, resolved (a retry stored it), superseded (a later message of its key is stored), discarded (by an operator)';

COMMENT ON COLUMN failed_message.created_at IS 'When it was parked';

COMMENT ON COLUMN failed_message.updated_at IS 'When its state or attempts last changed';
