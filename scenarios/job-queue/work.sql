INSERT INTO runs (queue_id, job_id, worker) VALUES (:key, :job, :agent);
