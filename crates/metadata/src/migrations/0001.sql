-- Times are microseconds since 1970, truths are 0 or 1, JSON is text.

CREATE TABLE key_probe (
    id BIGINT PRIMARY KEY,
    sealed TEXT NOT NULL
);

CREATE TABLE dag (
    dag_id {key} PRIMARY KEY,
    file {key} NOT NULL,
    runtime TEXT NOT NULL,
    runtime_reason TEXT NOT NULL,
    description TEXT,
    owners TEXT NOT NULL,
    tags TEXT NOT NULL,
    schedule TEXT NOT NULL,
    max_active_runs BIGINT NOT NULL,
    max_active_tasks BIGINT NOT NULL,
    paused BIGINT NOT NULL,
    stale BIGINT NOT NULL,
    version BIGINT NOT NULL,
    next_run_after BIGINT,
    next_interval_start BIGINT,
    next_interval_end BIGINT,
    last_parsed BIGINT NOT NULL
);
CREATE INDEX dag_of_file ON dag (file);

CREATE TABLE dag_tag (
    dag_id {key} NOT NULL REFERENCES dag ON DELETE CASCADE,
    tag {key} NOT NULL,
    PRIMARY KEY (dag_id, tag)
);
CREATE INDEX dag_with_tag ON dag_tag (tag);

CREATE TABLE dag_version (
    dag_id {key} NOT NULL REFERENCES dag ON DELETE CASCADE,
    version BIGINT NOT NULL,
    source TEXT NOT NULL,
    serialised TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (dag_id, version)
);

CREATE TABLE import_error (
    file {key} PRIMARY KEY,
    source TEXT NOT NULL,
    error TEXT NOT NULL,
    at BIGINT NOT NULL
);

CREATE TABLE dag_run (
    dag_id {key} NOT NULL REFERENCES dag ON DELETE CASCADE,
    run_id {key} NOT NULL,
    run_type TEXT NOT NULL,
    state TEXT NOT NULL,
    logical_date BIGINT,
    interval_start BIGINT,
    interval_end BIGINT,
    run_after BIGINT NOT NULL,
    queued_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    conf TEXT NOT NULL,
    version BIGINT NOT NULL,
    triggered_by TEXT NOT NULL,
    note TEXT,
    PRIMARY KEY (dag_id, run_id),
    UNIQUE (dag_id, logical_date)
);
CREATE INDEX dag_run_in_order ON dag_run (dag_id, run_after, run_id);
CREATE INDEX dag_run_of_all ON dag_run (run_after);
CREATE INDEX dag_run_unfinished ON dag_run (dag_id) WHERE state IN ('queued', 'running');

CREATE TABLE task_instance (
    dag_id {key} NOT NULL,
    run_id {key} NOT NULL,
    task_id {key} NOT NULL,
    state TEXT NOT NULL,
    try_number BIGINT NOT NULL,
    max_tries BIGINT NOT NULL,
    operator TEXT NOT NULL,
    pool {key} NOT NULL,
    pool_slots BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    queued_at BIGINT,
    started_at BIGINT,
    ended_at BIGINT,
    retry_at BIGINT,
    owner TEXT,
    rendered TEXT,
    reason TEXT,
    note TEXT,
    PRIMARY KEY (dag_id, run_id, task_id),
    FOREIGN KEY (dag_id, run_id) REFERENCES dag_run ON DELETE CASCADE
);
CREATE INDEX task_instance_in_state ON task_instance (state);

CREATE TABLE task_try (
    dag_id {key} NOT NULL,
    run_id {key} NOT NULL,
    task_id {key} NOT NULL,
    try_number BIGINT NOT NULL,
    state TEXT NOT NULL,
    owner TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    reason TEXT,
    log_lines BIGINT NOT NULL,
    PRIMARY KEY (dag_id, run_id, task_id, try_number),
    FOREIGN KEY (dag_id, run_id, task_id) REFERENCES task_instance ON DELETE CASCADE
);

-- Lines are kept in pieces, each a JSON list; last_seq is the number of its last line.
CREATE TABLE task_log (
    dag_id {key} NOT NULL,
    run_id {key} NOT NULL,
    task_id {key} NOT NULL,
    try_number BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    newest_at BIGINT NOT NULL,
    lines TEXT NOT NULL,
    PRIMARY KEY (dag_id, run_id, task_id, try_number, last_seq),
    FOREIGN KEY (dag_id, run_id, task_id, try_number) REFERENCES task_try ON DELETE CASCADE
);
CREATE INDEX task_log_by_age ON task_log (newest_at);

CREATE TABLE xcom (
    dag_id {key} NOT NULL,
    run_id {key} NOT NULL,
    task_id {key} NOT NULL,
    name {key} NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (dag_id, run_id, task_id, name),
    FOREIGN KEY (dag_id, run_id, task_id) REFERENCES task_instance ON DELETE CASCADE
);

CREATE TABLE pool (
    name {key} PRIMARY KEY,
    slots BIGINT NOT NULL,
    description TEXT NOT NULL
);
INSERT INTO pool (name, slots, description) VALUES ('default_pool', 128, 'Default pool');

CREATE TABLE variable (
    name {key} PRIMARY KEY,
    value TEXT NOT NULL,
    description TEXT
);

CREATE TABLE connection (
    id {key} PRIMARY KEY,
    kind TEXT NOT NULL,
    description TEXT,
    host TEXT,
    port BIGINT,
    schema_name TEXT,
    login TEXT,
    password TEXT,
    extra TEXT
);

CREATE TABLE audit_event (
    id {id},
    at BIGINT NOT NULL,
    who {key} NOT NULL,
    what {key} NOT NULL,
    dag_id {key},
    run_id {key},
    task_id {key},
    extra TEXT NOT NULL
);
CREATE INDEX audit_event_of_dag ON audit_event (dag_id, id);
CREATE INDEX audit_event_by_age ON audit_event (at);

CREATE TABLE configuration (
    name {key} PRIMARY KEY,
    value TEXT NOT NULL,
    origin TEXT NOT NULL
);

CREATE TABLE account (
    name {key} PRIMARY KEY,
    password TEXT,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE session (
    hash {key} PRIMARY KEY,
    account {key} NOT NULL REFERENCES account ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX session_of_account ON session (account);
CREATE INDEX session_by_end ON session (expires_at);

CREATE TABLE api_token (
    hash {key} PRIMARY KEY,
    account {key} NOT NULL REFERENCES account ON DELETE CASCADE,
    name {key} NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (account, name)
);

CREATE TABLE login_link (
    hash {key} PRIMARY KEY,
    account {key} NOT NULL REFERENCES account ON DELETE CASCADE,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
