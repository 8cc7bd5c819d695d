-- What DAG files may use, where the settings say that it must be listed: kind is 'package' or 'operator'.
CREATE TABLE allowed (
    kind {key} NOT NULL,
    name {key} NOT NULL,
    version TEXT,
    added_by TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (kind, name)
);
