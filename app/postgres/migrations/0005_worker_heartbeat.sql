-- When each worker was last alive, by the database's clock. Reported by /health/ready, required by nobody.
CREATE TABLE worker_heartbeat (
    worker  text        PRIMARY KEY,
    seen_at timestamptz NOT NULL DEFAULT now()
);
