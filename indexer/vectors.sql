-- name: source_without_vector
-- The newest first: they are asked about most.
select c.id
from chunks c join documents d on d.id = c.document_id
where d.source = %(source)s
  and not exists (select from embeddings e where e.model_id = %(model_id)s and e.chunk_id = c.id)
order by d.updated desc nulls last, c.id

-- name: all_without_vector
select c.id
from chunks c join documents d on d.id = c.document_id
where not exists (select from embeddings e where e.model_id = %(model_id)s and e.chunk_id = c.id)
order by d.updated desc nulls last, c.id

-- name: missing_among
-- A document without a title of its own is called by its id.
select c.id as chunk_id, case when d.title = d.external_id then '' else d.title end as title, c.context, c.text
from chunks c join documents d on d.id = c.document_id
where c.id = any(%(ids)s)
  and not exists (select from embeddings e where e.model_id = %(model_id)s and e.chunk_id = c.id)

-- name: insert_vectors
-- A chunk that is gone or going is left out, and so is a model that was retired meanwhile: a switch waits for what is
-- being stored, and what is stored later sees it.
with model as (
    select id from embedding_models where id = %(model_id)s and name = %(model)s and (live or building) for share
), present as (
    select id from chunks where id = any(%(ids)s) for key share skip locked
)
insert into embeddings (model_id, chunk_id, embedding)
select model.id, present.id, given.embedding
from model, unnest(%(ids)s::bigint[], %(vectors)b::halfvec[]) as given (chunk_id, embedding)
join present on present.id = given.chunk_id
on conflict do nothing

-- name: indexes
-- The HNSW indexes of a model: name, whether whole, and the parameters.
select c.relname as name, i.indisvalid as valid, coalesce(c.reloptions, '{}') as parameters
from pg_index i join pg_class c on c.oid = i.indexrelid
where i.indrelid = 'embeddings'::regclass and c.relname ~ %(pattern)s

-- name: count_up_to
select count(*) from (select from embeddings where model_id = %(model_id)s limit %(limit)s) as found

-- name: lock_index
select pg_try_advisory_lock(hashtext('embedding_index'), coalesce(to_regclass('embeddings')::oid::int, 0))

-- name: unlock_index
select pg_advisory_unlock(hashtext('embedding_index'), coalesce(to_regclass('embeddings')::oid::int, 0))

-- name: index_settings
-- Statements that take long, and memory for the graph: outside of it a build is several times as slow.
select set_config('statement_timeout', '0', false), set_config('maintenance_work_mem', %(memory)s, false),
       set_config('max_parallel_maintenance_workers', %(workers)s, false)

-- name: reset_settings
reset all
