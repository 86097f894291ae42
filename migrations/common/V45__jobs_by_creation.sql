-- Lists of jobs, the newest first.
CREATE INDEX jobs_by_creation ON jobs (created_at DESC, id DESC);
