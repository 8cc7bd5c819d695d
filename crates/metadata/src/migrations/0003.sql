-- Requests for runs of the past. A backfill is over when none of its runs is unfinished.
CREATE TABLE backfill (
    id {id},
    dag_id {key} NOT NULL REFERENCES dag ON DELETE CASCADE,
    from_date BIGINT NOT NULL,
    to_date BIGINT NOT NULL,
    conf TEXT NOT NULL,
    reprocess TEXT NOT NULL,
    backwards BIGINT NOT NULL,
    max_active_runs BIGINT NOT NULL,
    paused BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    created_by TEXT NOT NULL
);
CREATE INDEX backfill_of_dag ON backfill (dag_id, id);

ALTER TABLE dag_run ADD COLUMN backfill_id BIGINT;
CREATE INDEX dag_run_of_backfill ON dag_run (backfill_id) WHERE backfill_id IS NOT NULL;
