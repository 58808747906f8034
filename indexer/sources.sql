-- name: lock_source
-- One refresh of a source at a time, wherever it runs.
select pg_try_advisory_lock(hashtextextended('lorebot-source:' || %(source)s, 0))

-- name: unlock_source
select pg_advisory_unlock(hashtextextended('lorebot-source:' || %(source)s, 0))

-- name: begin_refresh
-- The start of the first read holds until there is a watermark: a crash in between does not move it.
insert into sources (name, last_started, first_started) values (%(source)s, now(), now())
on conflict (name) do update set last_started = now(), first_started = coalesce(sources.first_started, now())
returning watermark, last_started, first_started

-- name: set_chunkers
-- A row only where they are other ones than before.
update sources set chunkers = %(chunkers)s
where name = %(source)s and chunkers is distinct from %(chunkers)s

-- name: raise_watermark
update sources set watermark = greatest(watermark, %(watermark)s) where name = %(source)s

-- name: set_watermark
-- All that exists is noted: a watermark that had run ahead is put right.
update sources set watermark = %(watermark)s where name = %(source)s

-- name: end_refresh
update sources set last_finished = now(), last_error = null where name = %(source)s

-- name: fail_refresh
update sources set last_error = %(error)s where name = %(source)s

-- name: end_passes
update sources set
    last_changes = case when 'changes' = any(%(passes)s::text[]) then last_started else last_changes end,
    last_sweep = case when 'sweep' = any(%(passes)s::text[]) then last_started else last_sweep end,
    last_permissions = case when 'permissions' = any(%(passes)s::text[]) then last_started else last_permissions end
where name = %(source)s

-- name: stored_parts
select source_id, parts from documents where source = %(source)s and source_id = any(%(source_ids)s)

-- name: stored_among
select d.source_id, d.rule_ids, d.parts, d.handle, r.gone_at is not null as gone
from documents d left join reading_list r using (source, source_id)
where d.source = %(source)s and d.source_id = any(%(source_ids)s)

-- name: stored_ids
-- But for those that are known to be gone.
select d.source_id from documents d left join reading_list r using (source, source_id)
where d.source = %(source)s and d.parent_id is null and r.gone_at is null

-- name: count_listed
select count(*) from documents where source = %(source)s and parent_id is null

-- name: gone
-- Locked, so that one that is noted again just now is not deleted.
select d.source_id, d.place from reading_list r join documents d using (source, source_id)
where r.source = %(source)s and r.gone_at is not null and d.parent_id is null
for update of r

-- name: places
select place, count(*) from documents where source = %(source)s and parent_id is null group by place

-- name: count_source
select count(*), coalesce(sum((select count(*) from chunks c where c.document_id = d.id)), 0)::bigint
from documents d where d.source = %(source)s

-- name: gone_places
select d.place, count(*) from reading_list r join documents d using (source, source_id)
where r.source = %(source)s and r.gone_at is not null and d.parent_id is null
group by d.place

-- name: stored_parent
select parent_id from documents where source = %(source)s and source_id = %(source_id)s

-- name: stored_as_included
select handle, content_hash, rule_ids from documents where source = %(source)s and source_id = %(source_id)s
