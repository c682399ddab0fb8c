-- depends: 0003_operator

-- What is to be read again, and how far that has come.

CREATE TABLE IF NOT EXISTS replay_job (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    state text NOT NULL DEFAULT 'requested'
        CHECK (state IN ('requested', 'running', 'stopped', 'done', 'failed', 'cancelled')),
    background boolean NOT NULL DEFAULT true,
    from_offsets jsonb,
    from_time timestamptz,
    to_offsets jsonb,
    to_time timestamptz,
    avtale_id uuid,
    rate integer CHECK (rate > 0),
    requested_by text NOT NULL DEFAULT current_user,
    reason text,
    requested_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    error text
);

CREATE INDEX IF NOT EXISTS replay_job_unfinished ON replay_job (topic, id)
    WHERE state IN ('requested', 'running');

COMMENT ON TABLE replay_job IS
    'Replays: what part of the topic is to be read again, who asked, and what has become of it.';
COMMENT ON COLUMN replay_job.id IS 'What `datadeling replay --resume` wants.';
COMMENT ON COLUMN replay_job.topic IS 'The topic that is read again.';
COMMENT ON COLUMN replay_job.state IS
    'requested: a consumer will take it. running. stopped: can be resumed. done. failed: see error. '
    'cancelled: set this to stop it.';
COMMENT ON COLUMN replay_job.background IS
    'A consumer process runs it beside its live work; else whoever started the command does.';
COMMENT ON COLUMN replay_job.from_offsets IS
    'First offset by partition, and only these partitions; null for all partitions from the beginning.';
COMMENT ON COLUMN replay_job.from_time IS 'Begin at messages of this record time.';
COMMENT ON COLUMN replay_job.to_offsets IS 'By partition, the offset before which to end.';
COMMENT ON COLUMN replay_job.to_time IS 'End before messages of this record time.';
COMMENT ON COLUMN replay_job.avtale_id IS 'Only messages of this avtale; null for all.';
COMMENT ON COLUMN replay_job.rate IS 'At most so many messages a second; null for no bound.';
COMMENT ON COLUMN replay_job.requested_by IS 'Who asked.';
COMMENT ON COLUMN replay_job.reason IS 'Why. Names no person.';
COMMENT ON COLUMN replay_job.requested_at IS 'When it was asked for.';
COMMENT ON COLUMN replay_job.started_at IS 'When it first began to read.';
COMMENT ON COLUMN replay_job.finished_at IS 'When it came to an end, whichever.';
COMMENT ON COLUMN replay_job.error IS 'Why it failed, in names alone.';

-- Written with every batch: room on the page for the next version.
CREATE TABLE IF NOT EXISTS replay_job_partition (
    job_id bigint NOT NULL REFERENCES replay_job ON DELETE CASCADE,
    kafka_partition integer NOT NULL,
    generation integer NOT NULL,
    from_offset bigint NOT NULL,
    next_offset bigint NOT NULL,
    to_offset bigint NOT NULL,
    events bigint NOT NULL DEFAULT 0,
    tally jsonb NOT NULL DEFAULT '{"outcomes": {}, "columns": {}, "examples": {}}',
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, kafka_partition)
) WITH (fillfactor = 50);

COMMENT ON TABLE replay_job_partition IS
    'How far a replay has come on each partition; moved in the transaction that writes the rows.';
COMMENT ON COLUMN replay_job_partition.job_id IS 'The replay.';
COMMENT ON COLUMN replay_job_partition.kafka_partition IS 'The partition.';
COMMENT ON COLUMN replay_job_partition.generation IS
    'The generation that the offsets belonged to when it began; when another begins, it ends.';
COMMENT ON COLUMN replay_job_partition.from_offset IS 'Where it began.';
COMMENT ON COLUMN replay_job_partition.next_offset IS 'Everything before it has been read again.';
COMMENT ON COLUMN replay_job_partition.to_offset IS
    'Where it ends; at most the offset at which the live consumer stood when it began.';
COMMENT ON COLUMN replay_job_partition.events IS 'Messages that have been read.';
COMMENT ON COLUMN replay_job_partition.tally IS
    'What they came to: messages by outcome, changed avtaler by column, some avtaleIds.';
COMMENT ON COLUMN replay_job_partition.updated_at IS 'When it was last moved.';
