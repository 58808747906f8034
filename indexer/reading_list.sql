-- name: note
-- Noted again, it is read again: also when it is being read just now, also when it was to wait.
insert into reading_list (source, source_id, priority, not_before)
select %(source)s, id, %(priority)s, clock_timestamp() + %(delay)s
from (select distinct unnest(%(source_ids)s::text[]) as id order by id) as noted
on conflict (source, source_id) do update set
    noted_at = clock_timestamp(), priority = least(reading_list.priority, excluded.priority),
    not_before = excluded.not_before, gone_at = null

-- name: note_gently
-- What could not be read waits its time, and what is listed keeps its turn: nobody said that it changed since.
insert into reading_list (source, source_id, priority)
select %(source)s, id, %(priority)s
from (select id from unnest(%(source_ids)s::text[]) with ordinality as each(id, position) group by id order by min(position))
    as noted
on conflict (source, source_id) do update set
    noted_at = clock_timestamp(), priority = least(reading_list.priority, excluded.priority), gone_at = null
where reading_list.gone_at is not null

-- name: note_versions
-- What may be being read just now is read again. What could not be read waits its time, unless it is another version.
insert into reading_list (source, source_id, priority, version)
select %(source)s, id, %(priority)s, version from unnest(%(source_ids)s::text[], %(versions)s::text[]) as listed(id, version)
on conflict (source, source_id) do update set
    noted_at = clock_timestamp(), priority = least(reading_list.priority, excluded.priority), gone_at = null,
    version = excluded.version, attempts = 0,
    not_before = case when reading_list.attempts > 0 then '-infinity' else reading_list.not_before end
where reading_list.gone_at is not null or reading_list.attempts = 0
   or (excluded.version is not null and reading_list.version is distinct from excluded.version)

-- name: pick
-- What was set back more than once comes last, whatever its priority: it must not keep the others out.
select source_id, noted_at, priority, setbacks from reading_list
where source = %(source)s and gone_at is null and not_before <= clock_timestamp()
  and source_id <> all(%(held)s::text[])
order by setbacks > 1, priority, noted_at
limit %(limit)s

-- name: count_waiting
select count(*) from reading_list
where source = %(source)s and gone_at is null and not_before <= clock_timestamp()

-- name: is_listed
select from reading_list where source = %(source)s and source_id = %(source_id)s for update

-- name: strike_off
delete from reading_list
where source = %(source)s and source_id = %(source_id)s and noted_at = %(noted_at)s

-- name: forget
delete from reading_list where source = %(source)s and source_id = any(%(source_ids)s)

-- name: put_off
-- Five minutes, doubled with each attempt, up to a day.
update reading_list set
    attempts = attempts + 1, external_id = %(external_id)s, reason = %(reason)s,
    not_before = clock_timestamp() + least(interval '1 day', interval '5 minutes' * 2 ^ least(attempts, 16))
where source = %(source)s and source_id = %(source_id)s and noted_at = %(noted_at)s

-- name: try_again
update reading_list set not_before = '-infinity'
where source = %(source)s and reason is not null and gone_at is null

-- name: put_behind
-- The others first: what makes a whole batch fail must not be picked first for ever.
update reading_list set noted_at = clock_timestamp(), setbacks = setbacks + %(setbacks)s
from unnest(%(source_ids)s::text[], %(noted_ats)s::timestamptz[]) as unread(id, picked_at)
where source = %(source)s and source_id = unread.id and noted_at = unread.picked_at

-- name: any_other
select source_id from (
    (select 0 as choice, source_id from documents d
     where source = %(source)s and parent_id is null and source_id <> all(%(but)s::text[])
       and not exists (select from reading_list r where r.source = d.source and r.source_id = d.source_id)
     order by random() limit 1)
    union all
    (select 1, source_id from reading_list
     where source = %(source)s and gone_at is null and reason is null and source_id <> all(%(but)s::text[])
     order by random() limit 1)
) as others
order by choice limit 1

-- name: mark_gone
update reading_list set gone_at = clock_timestamp(), reason = null, attempts = 0
where source = %(source)s and source_id = %(source_id)s and noted_at = %(noted_at)s

-- name: count_failed
select count(*) from reading_list where source = %(source)s and reason is not null and gone_at is null
