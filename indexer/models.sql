-- name: live
select id, name, dimensions, location, live, building, created_at from embedding_models where live

-- name: all
select id, name, dimensions, location, live, building, created_at from embedding_models order by id

-- name: lock_models
-- One at a time says which model is live; two processes may both find none.
select pg_advisory_xact_lock(hashtext('embedding_models'), coalesce(to_regclass('embedding_models')::oid::int, 0))

-- name: register
insert into embedding_models (name, dimensions, location) values (%(name)s, %(dimensions)s, %(location)s)
on conflict (name) do update set location = excluded.location
returning id, dimensions

-- name: first_live
update embedding_models set live = true
where id = %(id)s and not exists (select from embedding_models where live)

-- name: begin_build
-- Only one is built at a time: another that was begun is given up.
update embedding_models set building = coalesce(id = %(id)s, false) where building or id = %(id)s

-- name: retire
update embedding_models set live = false where live

-- name: make_live
update embedding_models set live = true, building = false where id = %(id)s

-- name: lock_chunks
-- Whoever stores documents waits, which takes as long as a few chunks take to embed; searches go on.
lock table chunks in share row exclusive mode

-- name: lock_build
select pg_try_advisory_lock(hashtext('embedding_build'), coalesce(to_regclass('embedding_models')::oid::int, 0))

-- name: unlock_build
select pg_advisory_unlock(hashtext('embedding_build'), coalesce(to_regclass('embedding_models')::oid::int, 0))

-- name: retired
-- Models that nobody uses any more and that have vectors all the same.
select m.id from embedding_models m
where not m.live and not m.building and exists (select from embeddings e where e.model_id = m.id)

-- name: delete_vectors
delete from embeddings where model_id = %(id)s and chunk_id in (
    select chunk_id from embeddings where model_id = %(id)s limit 5000)

-- name: coverage
-- Of each model, how many chunks have a vector of it.
select m.id, (select count(*) from embeddings e where e.model_id = m.id) as embedded,
       (select count(*) from chunks) as chunks
from embedding_models m where m.live or m.building order by m.live desc
