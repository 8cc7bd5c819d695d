-- Which orchestrators there are, and when each of them last said that it lives.
CREATE TABLE orchestrator (
    name {key} PRIMARY KEY,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);
