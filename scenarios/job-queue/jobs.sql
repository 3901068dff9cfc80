CREATE TABLE jobs (
  queue_id bigint NOT NULL,
  id       bigint NOT NULL,
  state    text   NOT NULL DEFAULT 'ready',
  PRIMARY KEY (queue_id, id)
);
CREATE TABLE runs (
  queue_id bigint NOT NULL,
  job_id   bigint NOT NULL,
  worker   bigint NOT NULL
);
COMMENT ON TABLE runs IS 'What a job does, once.';
