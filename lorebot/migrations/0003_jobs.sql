-- Each run of a refresh, for the people who asked for it and for `status`. The queue itself is Procrastinate's.

create table refresh_runs (
    id bigint generated always as identity primary key,
    source text not null,
    -- Read everything again instead of what changed.
    full_refresh boolean not null,
    requested_by text not null,
    state text not null default 'waiting' check (state in ('waiting', 'running', 'done', 'failed')),
    phase text,
    done bigint,
    total bigint,
    report jsonb,
    -- One sentence for an admin.
    error text,
    requested_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz
);
-- At most one run of a source waits: who asks again gets that one.
create unique index refresh_runs_waiting on refresh_runs (source) where state = 'waiting';
create index refresh_runs_source on refresh_runs (source, id desc);
