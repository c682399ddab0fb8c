DROP TABLE IF EXISTS replay_job_partition;

DROP TABLE IF EXISTS replay_job;
