-- name: request
-- Who waits already gets what both asked for.
insert into refresh_runs (source, passes, full_refresh, requested_by)
values (%(source)s, %(passes)s, %(full)s, %(requested_by)s)
on conflict (source) where state = 'waiting'
do update set full_refresh = refresh_runs.full_refresh or excluded.full_refresh,
    passes = array(select unnest(refresh_runs.passes) union select unnest(excluded.passes) order by 1)
returning id, source, xmax = 0 as created

-- name: start
-- One job of a source works at a time: whatever run of it is not over has no other job, or one that was killed.
update refresh_runs
set state = 'running', phase = null, done = null, total = null, started_at = coalesce(started_at, now())
where id = (select id from refresh_runs where source = %(source)s and state in ('waiting', 'running')
            order by id = %(id)s desc, id limit 1)
returning id, passes, full_refresh as full

-- name: progress
update refresh_runs set phase = %(phase)s, done = %(done)s, total = %(total)s
where id = %(id)s and state = 'running'

-- name: finish
update refresh_runs set state = 'done', report = %(report)s, finished_at = now() where id = %(id)s

-- name: fail
update refresh_runs set state = 'failed', error = %(error)s, finished_at = now()
where id = %(id)s and state in ('waiting', 'running')

-- name: running
select id, source, passes, full_refresh as full, interruptions from refresh_runs
where source = %(source)s and state = 'running' order by id for update

-- name: wait_again
update refresh_runs set state = 'waiting', phase = null, done = null, total = null, interruptions = interruptions + 1
where id = %(id)s and not exists (select from refresh_runs where source = %(source)s and state = 'waiting')

-- name: hand_over
update refresh_runs set full_refresh = full_refresh or %(full)s,
    interruptions = greatest(interruptions, %(interruptions)s + 1),
    passes = array(select unnest(passes) union select unnest(%(passes)s::text[]) order by 1)
where source = %(source)s and state = 'waiting'

-- name: waiting
select id from refresh_runs where source = %(source)s and state = 'waiting'

-- name: left_behind
select distinct r.source from refresh_runs r
where r.state in ('waiting', 'running') and not exists (
    select from procrastinate_jobs j where j.lock = 'source:' || r.source and j.status in ('todo', 'doing'))

-- name: read
select id, source, passes, full_refresh as full, requested_by, state, phase, done, total, report, error,
       requested_at, started_at, finished_at
from refresh_runs
where id = any (%(ids)s)
order by id

-- name: latest
select distinct on (source)
       id, source, passes, full_refresh as full, requested_by, state, phase, done, total, report, error,
       requested_at, started_at, finished_at
from refresh_runs
order by source, id desc

-- name: purge
delete from refresh_runs where finished_at < now() - make_interval(days => %(days)s)
